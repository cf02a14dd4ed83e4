"""The tree of these tests mirrors the source: whoever knows where something is knows where its tests are."""

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Of no single folder
OF_THE_WHOLE = {"architecture", "compose", "figures", "light", "one_name", "processes", "tree"}


def test_each_folder_has_its_name_and_place_from_the_source():
    folders = {file.parent.relative_to(HERE) for file in HERE.rglob("test_*.py")} - {Path()}

    assert {str(folder) for folder in folders if not (ROOT / folder).is_dir()} == set()


def test_no_folder_s_tests_lie_at_the_top():
    assert {file.stem.removeprefix("test_") for file in HERE.glob("test_*.py")} == OF_THE_WHOLE
