import pytest

from desync_jobs.errors import InvalidDataError, StoreError
from desync_jobs.stores.objects.indexes import read_index_object, write_index_object
from tests.servers.http_places import http_place
from tests.servers.scripted import Reply, scripted_server

INDEX = bytes(range(256))


def test_an_index_is_read_whole() -> None:
    with scripted_server(Reply(body=INDEX), Reply(404)) as server:
        place = http_place(server.url)

        assert read_index_object(place, "a b.caibx", 256) == INDEX
        assert read_index_object(place, "a b.caibx", 256) is None
        assert server.received[0].target == "/a%20b.caibx"


def test_an_index_over_the_limit_is_refused() -> None:
    with scripted_server(Reply(body=INDEX)) as server:
        with pytest.raises(InvalidDataError) as caught:
            read_index_object(http_place(server.url), "x.caibx", 255)

        assert str(caught.value) == "web: index x.caibx has 256 bytes, more than the limit of 255"


def test_an_index_is_written_and_its_length_looked_at() -> None:
    with scripted_server(Reply(201), Reply(body=INDEX)) as server:
        write_index_object(http_place(server.url), "x.caibx", INDEX)

        assert [one.method for one in server.received] == ["PUT", "HEAD"]
        assert server.received[0].body == INDEX
        assert server.received[0].headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("after", "has"), [(Reply(body=INDEX[:-1]), "has 255 bytes"), (Reply(404), "is not there")]
)
def test_an_index_that_did_not_arrive_whole_is_an_error(after: Reply, has: str) -> None:
    with scripted_server(Reply(200), after) as server:
        with pytest.raises(StoreError) as caught:
            write_index_object(http_place(server.url), "x.caibx", INDEX)

        assert str(caught.value) == (
            f"web: index x.caibx {has} after 256 bytes of it were written; write it again"
        )


def test_an_index_is_read_back_where_no_length_is_told() -> None:
    untold = Reply(length=None)
    with scripted_server(Reply(200), untold, Reply(body=INDEX)) as server:
        write_index_object(http_place(server.url), "x.caibx", INDEX)

        assert [one.method for one in server.received] == ["PUT", "HEAD", "GET"]


@pytest.mark.parametrize(
    "back", [Reply(body=INDEX[1:]), Reply(body=INDEX * 2), Reply(body=INDEX[::-1])]
)
def test_an_index_that_reads_back_differently_is_an_error(back: Reply) -> None:
    with scripted_server(Reply(200), Reply(length=None), back) as server:
        place = http_place(server.url)

        with pytest.raises(StoreError, match="write it again"):
            write_index_object(place, "x.caibx", INDEX)
