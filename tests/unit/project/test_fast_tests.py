"""tests/fast.txt, which `make test-fast` runs, names existing tests once each."""

from pathlib import Path


def test_each_path_exists_and_holds_tests(root: Path) -> None:
    paths = (root / "tests" / "fast.txt").read_text("utf-8").splitlines()
    assert len(set(paths)) == len(paths)
    for path in paths:
        file, _, test = path.partition("::")
        found = root / file
        assert found.is_file() or any(found.rglob("test_*.py")), path
        assert not test or f"def {test}(" in found.read_text("utf-8"), path


def test_rules_services_and_walks_are_among_them(root: Path) -> None:
    paths = (root / "tests" / "fast.txt").read_text("utf-8").splitlines()
    assert {"tests/unit/rules", "tests/contract"} <= set(paths)
    walks = [path for path in paths if path.startswith("tests/e2e/")]
    assert 3 <= len(walks) <= 6


def test_every_folder_of_unit_tests_is_in_it_or_left_out_on_purpose(root: Path) -> None:
    """Add a new folder to tests/fast.txt, or if it is slow to the list here."""
    paths = (root / "tests" / "fast.txt").read_text("utf-8").splitlines()
    folders = {
        each.name for each in (root / "tests" / "unit").iterdir() if any(each.glob("test_*"))
    }
    named = {Path(path).name for path in paths if Path(path).parent == Path("tests/unit")}
    assert folders - named == {"images", "joining", "project", "transcoding", "video"}
