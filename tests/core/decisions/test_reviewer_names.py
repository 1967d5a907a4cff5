import pytest

from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.errors import ReviewError


@pytest.mark.parametrize("name", ["Ana", "Zoë Ångström-O'Neill, PhD", "张伟", "a|b/c"])
def test_a_name_is_kept(name):
    assert check_reviewer(f"  {name} ") == name


@pytest.mark.parametrize("name", ["", "  ", "a;b", "a\nb", "a\0", "\x7f", "a\ud800"])
def test_a_name_that_tables_cannot_hold_is_refused(name):
    with pytest.raises(ReviewError, match="is not a name for a reviewer"):
        check_reviewer(name)
