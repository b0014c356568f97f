"""The Elasticsearch door as its clients use it: replies to the letter, refusals per item, nothing twice."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping

import httpx
import pytest
from elasticsearch import Elasticsearch, helpers

from samdrift_logs.events.sources import SourceRegistry, token_digest
from samdrift_logs.journal import JournalFull, JournalLimits
from samdrift_logs.receive.elasticsearch import source_of
from tests.samdrift_logs.receive.running import BULK, LOCAL, TOKEN, Receiver, registry_of, wait_until

NDJSON = "application/x-ndjson"


def client(receiver: Receiver, **more: str) -> httpx.Client:
    headers = {"Authorization": f"ApiKey {TOKEN}", **more}
    return httpx.Client(base_url=f"http://127.0.0.1:{receiver.ports.bulk}", headers=headers, trust_env=False)


def send(receiver: Receiver, body: bytes, path: str = "/_bulk", method: str = "POST", **headers: str) -> httpx.Response:
    with client(receiver) as http:
        return http.request(method, path, content=body, headers={"Content-Type": NDJSON, **headers})


def body(*pairs: tuple[Mapping[str, object], object]) -> bytes:
    return b"".join(json.dumps(part).encode() + b"\n" for pair in pairs for part in pair)


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"ApiKey {TOKEN}", True),
        (f"Bearer {TOKEN}", True),
        ("ApiKey " + base64.b64encode(f"id:{TOKEN}".encode()).decode(), True),
        ("Basic " + base64.b64encode(f"elastic:{TOKEN}".encode()).decode(), True),
        ("basic " + base64.b64encode(f"a:b:{TOKEN}".encode()).decode(), False),
        ("Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(), False),
        ("Basic !!!", False),
        (f"Digest {TOKEN}", False),
        ("ApiKey", False),
        ("", False),
        ("ApiKey forkert", False),
    ],
)
def test_source_of(header: str, known: bool) -> None:
    assert (source_of(registry_of(BULK), header) == BULK) is known
    assert source_of(SourceRegistry(), header) is None


def test_reply_is_compact_and_in_the_order_that_fluent_bit_scans_for(receiver: Receiver) -> None:
    answer = send(receiver, body(({"create": {"_index": "logs", "_id": "a"}}, {"m": "ø"})))

    assert answer.status_code == 200
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
    took = answer.json()["took"]
    assert answer.text == (
        f'{{"took":{took},"errors":false,"items":[{{"create":{{"_index":"logs","_id":"a","_version":1,"result":"created",'
        '"_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}]}'
    )
    (batch,) = receiver.batches()
    assert (batch.organisation, batch.source, batch.door, batch.peer) == (
        BULK.organisation,
        BULK.id,
        "bulk",
        "127.0.0.1",
    )
    assert batch.lines == [b'{"m": "\\u00f8"}']


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("path", "index"),
    [("/_bulk", None), ("/logs/_bulk", "logs"), ("/es/_bulk", None), ("/es/logs/_bulk", "logs"), ("/es//_bulk", None)],
)
def test_bulk_paths(receiver: Receiver, method: str, path: str, index: str | None) -> None:
    answer = send(receiver, body(({"index": {}}, {"m": 1})), path, method)

    (item,) = answer.json()["items"]
    assert item["index"]["_index"] == (index or "")
    assert item["index"]["status"] == 201


def test_document_without_id_is_told_the_id_of_its_event(receiver: Receiver) -> None:
    answer = send(receiver, body(({"create": {}}, {"m": 1}), ({"create": {}}, {"m": 2})))

    ids = [item["create"]["_id"] for item in answer.json()["items"]]
    assert [identity.split("-")[1:] for identity in ids] == [["1", "0"], ["1", "1"]]


def test_bad_items_are_refused_one_by_one_and_the_good_ones_stored(receiver: Receiver) -> None:
    sent = b"\n".join(
        [
            b'{"create":{"_id":"1"}}',
            b'{"good":1}',
            b'{"create":{"_id":"2"}}',
            b'{"bad":',
            b'{"create":{"_id":"3"}}',
            b"[1,2]",
            b'{"update":{"_id":"4"}}',
            b'{"doc":{}}',
            b'{"delete":{"_id":"5"}}',
            b'{"attempts":0,"index":{"_id":"6","_type":"events"},"pipeline":null}',
            b'{"good":6}',
            b"not an action",
            b'{"lost":1}',
            b'{"nothing":{}}',
            b'{"create":{"_id":"7"}}',
            b'{"good":7}',
            b'{"create":{"_id":"%s"}}' % (b"x" * 513),
            b'{"long":1}',
            b'{"create":{"_id":8}}',  # no LF at the end, and no document
        ]
    )

    answer = send(receiver, sent)

    statuses = [(name, item[name]["_id"], item[name]["status"]) for item in answer.json()["items"] for name in item]
    assert answer.json()["errors"] is True
    assert statuses == [
        ("create", "1", 201),
        ("create", "2", 400),
        ("create", "3", 400),
        ("update", "4", 400),
        ("delete", "5", 400),
        ("index", "6", 201),
        ("create", None, 400),
        ("create", None, 400),
        ("create", "7", 201),
        ("create", "x" * 513, 400),
        ("create", "8", 400),
    ]
    (batch,) = receiver.batches()
    assert batch.lines == [b'{"good":1}', b'{"good":6}', b'{"good":7}']
    assert [raw for raw, _ in batch.rejects] == [
        b'{"bad":',
        b"[1,2]",
        b'{"doc":{}}',
        b'{"delete":{"_id":"5"}}',
        b'not an action\n{"lost":1}',
        b'{"nothing":{}}',
        b'{"long":1}',
        b'{"create":{"_id":8}}',
    ]
    assert all(reason for _, reason in batch.rejects)


def test_document_sent_again_is_a_conflict_and_stored_once(receiver: Receiver) -> None:
    sent = body(({"create": {"_id": "a"}}, {"m": 1}), ({"create": {"_id": "a"}}, {"m": 1}))

    first = [item["create"]["status"] for item in send(receiver, sent).json()["items"]]
    again = send(receiver, body(({"create": {"_id": "a"}}, {"m": 1}), ({"index": {"_id": "b"}}, {"m": 2})))

    assert first == [201, 409]
    items = again.json()["items"]
    assert items[0]["create"]["error"]["type"] == "version_conflict_engine_exception"
    assert items[1]["index"]["status"] == 201
    assert receiver.lines() == [b'{"m": 1}', b'{"m": 2}']
    assert sum(batch.duplicates for batch in receiver.batches()) == 2


def test_document_sent_again_after_a_restart_is_a_conflict(receiver: Receiver) -> None:
    send(receiver, body(({"create": {"_id": "a"}}, {"m": 1})))
    receiver.stop()
    receiver.start()

    answer = send(receiver, body(({"create": {"_id": "a"}}, {"m": 1})))

    assert answer.json()["items"][0]["create"]["status"] == 409
    assert receiver.lines() == [b'{"m": 1}']


def test_same_id_of_another_source_is_another_document(receiver: Receiver) -> None:
    other = BULK.__class__(id=LOCAL.id, organisation=LOCAL.organisation, name="anden", tokens=(token_digest("anden"),))
    receiver.write_registry(BULK, other, version=2)
    wait_until(lambda: send(receiver, b"", Authorization="ApiKey anden").status_code == 400)

    send(receiver, body(({"create": {"_id": "a"}}, {"m": 1})))
    answer = send(receiver, body(({"create": {"_id": "a"}}, {"m": 1})), Authorization="ApiKey anden")

    assert answer.json()["items"][0]["create"]["status"] == 201


def test_terse_reply_for_beats(receiver: Receiver) -> None:
    sent = body(({"create": {"_id": "a"}}, {"m": 1}), ({"create": {"_id": "a"}}, {"m": 1}))

    answer = send(receiver, sent, "/_bulk?filter_path=errors,items.*.error,items.*.status")

    assert answer.text == (
        '{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{'
        '"type":"version_conflict_engine_exception","reason":"[a]: version conflict, document already exists"}}}]}'
    )


def test_gzip_is_taken_and_broken_gzip_refused(receiver: Receiver) -> None:
    packed = gzip.compress(body(({"create": {}}, {"m": 1})))

    good = send(receiver, packed, **{"Content-Encoding": "gzip"})
    bad = [packed[:-12] + b"nonsense", packed[:-3], packed[:-8] + bytes(8), b"no gzip at all"]
    answers = [send(receiver, one, **{"Content-Encoding": "gzip"}) for one in bad]
    other = send(receiver, packed, **{"Content-Encoding": "br"})

    assert (good.status_code, good.json()["errors"]) == (200, False)
    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.headers["X-Elastic-Product"] for answer in answers} == {"Elasticsearch"}
    assert other.status_code == 415
    assert receiver.lines() == [b'{"m": 1}']


def test_too_large_body_is_413_also_when_it_is_packed(receiver: Receiver) -> None:
    bomb = gzip.compress(b"x" * (65 << 20), compresslevel=1)

    answer = send(receiver, bomb, **{"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["status"]) == (413, 413)


def test_wrong_types_are_415_and_406(receiver: Receiver) -> None:
    sent = body(({"create": {}}, {"m": 1}))

    assert send(receiver, sent, **{"Content-Type": "text/xml"}).status_code == 415
    with client(receiver, Accept="text/html") as http:
        assert http.get("/").status_code == 406
    compatible = send(receiver, sent, Accept="application/vnd.elasticsearch+json; compatible-with=8")
    assert compatible.headers["Content-Type"] == "application/vnd.elasticsearch+json;compatible-with=8"


def test_empty_body_is_400(receiver: Receiver) -> None:
    assert send(receiver, b"\n").status_code == 400


def test_full_journal_is_429_with_retry_after(receiver: Receiver) -> None:
    receiver.stop()
    receiver.settings = type(receiver.settings)(
        data=receiver.settings.data, bulk_port=0, limits=JournalLimits(disk_reserve_bytes=1 << 60)
    )
    receiver.start()

    answer = send(receiver, body(({"create": {"_id": "a"}}, {"m": 1})))

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(JournalFull.retry_after_s))
    assert answer.json()["error"]["type"] == "es_rejected_execution_exception"
    assert receiver.lines() == []


def test_failing_disk_is_503_and_what_is_sent_again_is_taken(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = body(({"create": {"_id": "a"}}, {"m": 1}))

    with monkeypatch.context() as patched:
        patched.setattr("samdrift_logs.journal.writing._write_all", _refuse)
        assert send(receiver, sent).status_code == 503

    assert send(receiver, sent).json()["items"][0]["create"]["status"] == 201


def _refuse(descriptor: int, buffers: list[bytes], offset: int) -> int:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("token", [None, "forkert"])
def test_unknown_token_is_401_and_counted_by_peer(receiver: Receiver, token: str | None) -> None:
    headers = {"Authorization": f"ApiKey {token}"} if token else {}
    answer = httpx.get(f"http://127.0.0.1:{receiver.ports.bulk}/", headers=headers, trust_env=False)

    assert (answer.status_code, answer.headers["X-Elastic-Product"]) == (401, "Elasticsearch")
    wait_until(lambda: receiver.counters()["refused"] != [])
    (refused,) = receiver.counters()["refused"]  # type: ignore[misc]
    assert (refused["door"], refused["peer"], refused["count"]) == ("bulk", "127.0.0.1", 1)


def test_revoked_token_is_refused_within_two_seconds(receiver: Receiver) -> None:
    sent = body(({"create": {}}, {"m": 1}))
    assert send(receiver, sent).status_code == 200

    receiver.write_registry(LOCAL, version=2)

    wait_until(lambda: send(receiver, sent).status_code == 401, timeout_s=2)


@pytest.mark.parametrize(
    ("method", "path", "status", "contains"),
    [
        ("GET", "/", 200, '"build_flavor":"default"'),
        ("HEAD", "/", 200, ""),
        ("GET", "/es/", 200, '"tagline":"You Know, for Search"'),
        ("GET", "/es", 200, '"number":'),
        ("GET", "/_license", 200, '"status":"active"'),
        ("GET", "/_xpack", 200, '"license"'),
        ("GET", "/_cluster/health?wait_for_status=yellow", 200, '"status":"green"'),
        ("GET", "/_cat/health", 200, "green"),
        ("GET", "/_ilm/policy/filebeat", 404, "not kept"),
        ("PUT", "/_ilm/policy/filebeat", 200, '{"acknowledged":true}'),
        ("HEAD", "/_index_template/template_logs", 404, ""),
        ("PUT", "/_index_template/template_logs", 200, '{"acknowledged":true}'),
        ("HEAD", "/_template/x", 404, ""),
        ("GET", "/_data_stream/x", 404, ""),
        ("PUT", "/_data_stream/x", 200, '{"acknowledged":true}'),
        ("GET", "/_nodes/http", 200, "{}"),
        ("POST", "/logs/_doc", 400, "_bulk only"),
        ("PUT", "/logs/_doc/1", 400, "_bulk only"),
    ],
)
def test_what_shippers_ask_on_their_way(receiver: Receiver, method: str, path: str, status: int, contains: str) -> None:
    with client(receiver) as http:
        answer = http.request(method, path)

    assert (answer.status_code, answer.headers["X-Elastic-Product"]) == (status, "Elasticsearch")
    assert contains in answer.text


def test_a_beat_is_told_its_own_version(receiver: Receiver) -> None:
    with client(receiver, **{"User-Agent": "Elastic-Winlogbeat/8.19.3 (windows; amd64)"}) as http:
        assert http.get("/").json()["version"]["number"] == "8.19.3"


def test_elasticsearch_py_ships_ten_thousand_documents(receiver: Receiver) -> None:
    with Elasticsearch(
        f"http://127.0.0.1:{receiver.ports.bulk}/es", api_key=("id", TOKEN), http_compress=True
    ) as elastic:
        assert elastic.info()["tagline"] == "You Know, for Search"
        documents = [{"_op_type": "create", "_index": "logs", "_id": str(n), "number": n} for n in range(10_000)]
        stored, refused = helpers.bulk(elastic, documents, chunk_size=1000, raise_on_error=False)
        again, conflicts = helpers.bulk(elastic, documents[:5], raise_on_error=False)

    assert (stored, refused) == (10_000, [])
    assert (again, len(conflicts)) == (0, 5)  # type: ignore[arg-type]
    assert sorted(json.loads(line)["number"] for line in receiver.lines()) == list(range(10_000))
