"""Any tree in any order of members becomes the sorted archive of that tree."""

import tarfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tarballs import DIRECTORY, LINK, SYMLINK, Given, Style, contents, folder, stream, tree_of
from tests.workspace import How, Workspace

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)
CONTENTS = st.binary(max_size=700)
FORMATS: st.SearchStrategy[Style] = st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


def _is_name(name: str) -> bool:
    return name not in (".", "..") and len(name.encode()) < 256


@st.composite
def members(draw: st.DrawFn) -> list[Given]:
    """Draw a tree, each parent a directory; then its members in any order."""
    names = NAMES.filter(_is_name)
    paths = {"": True}
    found: list[Given] = []
    for name in draw(st.lists(names, max_size=12)):
        parent = draw(st.sampled_from([path for path, inner in paths.items() if inner]))
        path = f"{parent}{name}"
        if path in paths or f"{path}/" in paths:
            continue
        if draw(st.booleans()):
            paths[f"{path}/"] = True
            found.append(folder(path, mode=draw(st.integers(0, 0o7777))))
        elif draw(st.booleans()):
            paths[path] = False
            found.append(Given(path, draw(CONTENTS)))
        else:
            paths[path] = False
            found.append(Given(path, kind=SYMLINK, target=draw(names)))
    return draw(st.permutations(found))


@settings(max_examples=25, deadline=None)
@given(members(), FORMATS, st.data())
def test_a_tree_in_any_order_becomes_its_archive(
    given_members: list[Given], style: Style, data: st.DataObject
) -> None:
    files = [one for one in given_members if one.kind == tarfile.REGTYPE]
    links = [
        Given(f"link {number}", kind=LINK, target=data.draw(st.sampled_from(files)).name)
        for number in range(3 if files else 0)
    ]
    written = stream([*given_members, *links], style)
    with TemporaryDirectory() as place:
        workspace = Workspace(Path(place))
        how = How(given=written)
        ended = workspace.do("tar", how, tar_stream="-", archive="a.catar", add_root=True)
        archive = (workspace / "a.catar").read_bytes()
        back = workspace.do("untar", archive="a.catar", tar_stream="-")
    by_name = {one.name: one for one in given_members}
    expected = {
        **{one.name: one.content if one in files else None for one in given_members},
        **{one.name: by_name[one.target].content for one in links},
    }

    assert ended.summary == (0, "done")
    assert contents(archive) == {".": None, **expected}
    names = [path.encode("utf-8", "surrogateescape").split(b"/") for path in tree_of(archive)]
    assert names[1:] == sorted(names[1:])
    modes = {one.name: one.fields["mode"] for one in given_members if one.kind == DIRECTORY}
    with tarfile.open(fileobj=BytesIO(back.output), mode="r:") as tar:
        assert {one.name: one.mode for one in tar if one.isdir() and one.name != "."} == modes
