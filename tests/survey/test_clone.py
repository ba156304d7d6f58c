import pytest

from isogloss.survey.clone import find_data_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def xml(tmp_path):
    folder = tmp_path / "clone" / "data" / "xml"
    folder.mkdir(parents=True)
    return folder


def make_git(root, head, *, loose=None, packed=None):
    git = root / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(head + "\n")
    if loose:
        (git / "refs" / "heads" / "main").write_text(loose + "\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{packed} refs/heads/main\n")
    return git


@pytest.mark.parametrize(
    ("head", "refs"),
    [
        (COMMIT, {}),
        ("ref: refs/heads/main", {"loose": COMMIT}),
        ("ref: refs/heads/main", {"packed": COMMIT}),
        ("ref: refs/heads/main", {"loose": COMMIT, "packed": "f" * 40}),
    ],
)
def test_the_commit_is_read_from_every_form_of_head(xml, head, refs):
    make_git(xml.parents[1], head, **refs)
    assert find_data_commit(xml) == COMMIT


@pytest.mark.parametrize("head", ["", "nonsense", "ref: refs/heads/none", "ref: ../../etc/passwd"])
def test_a_head_that_leads_nowhere_is_no_commit(xml, head):
    make_git(xml.parents[1], head)
    assert find_data_commit(xml) is None


def test_a_worktree_names_its_folder_and_shares_the_branches(xml, tmp_path):
    git = make_git(tmp_path / "main", "ref: refs/heads/other", loose=COMMIT)
    tree = git / "worktrees" / "w"
    tree.mkdir(parents=True)
    (tree / "HEAD").write_text("ref: refs/heads/main\n")
    (tree / "commondir").write_text("../..\n")
    (xml.parents[1] / ".git").write_text(f"gitdir: {tree}\n")
    assert find_data_commit(xml) == COMMIT


def test_the_commit_of_a_repository_that_merely_surrounds_the_files_is_not_taken(tmp_path):
    make_git(tmp_path, COMMIT)
    folder = tmp_path / "copies" / "anthology" / "xml"
    folder.mkdir(parents=True)
    assert find_data_commit(folder) is None
