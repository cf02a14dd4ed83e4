"""One who hears from a stage who comes and goes, and does nothing."""


class Deaf:
    async def arrived(self, user_id, appearance=None):
        pass

    async def departed(self, user_id):
        pass

    def put_out(self, why):
        pass

    def app_sent(self, person, message, answer):
        pass
