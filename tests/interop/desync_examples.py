"""The commands of the examples in desync's README, word for word, without its comments."""

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, str]] = {
    "quick-make": r"""
desync make -s /tmp/store index.caibx /path/to/largefile
""",
    "quick-extract": r"""
desync extract -s /tmp/store index.caibx /path/to/largefile
""",
    "quick-extract-cached": r"""
desync extract -s http://server/store -c /tmp/cache index.caibx /path/to/largefile
""",
    "mount-remote-index": r"""
desync mount-index -s http://chunk.store/store http://index.store/myindex.caibx /mnt/image
""",
    "extract-ssh": r"""
desync extract -s ssh://192.168.1.1/path/to/casync.store/ -c /tmp/store somefile.tar.caibx somefile.tar
""",
    "extract-two-stores": r"""
desync extract -s /some/local/store -s ssh://192.168.1.1/path/to/casync.store/ somefile.tar.caibx somefile.tar
""",
    "extract-seeds": r"""
desync extract -s /local/store \
--seed image-v1.qcow2.caibx \
--seed image-v2.qcow2.caibx \
image-v3.qcow2.caibx image-v3.qcow2
""",
    "extract-seed-dir": r"""
desync extract -s /local/store --seed-dir /path/to/images image-v3.qcow2.caibx image-v3.qcow2
""",
    "extract-mixed": r"""
desync extract \
-s "http://192.168.1.101/casync.store/|http://192.168.1.102/casync.store/" \
-s ssh://192.168.1.1/path/to/casync.store/ \
-s https://192.168.1.3/ssl.store/ \
-c /path/to/cache \
somefile.tar.caibx somefile.tar
""",
    "extract-sftp": r"""
desync extract -k -s sftp://192.168.1.1/path/to/store file.caibx file.tar
""",
    "extract-device": r"""
desync extract -k -s /mnt/store image.caibx /dev/sdc
""",
    "extract-remote-index": r"""
desync extract -k -s sftp://192.168.1.1/path/to/store http://192.168.1.2/file.caibx file.tar
""",
    "make": r"""
desync make -s /some/local/store index.caibx /some/blob
""",
    "make-s3": r"""
S3_ACCESS_KEY=mykey S3_SECRET_KEY=mysecret desync make -s s3+http://127.0.0.1:9000/store index.caibx /some/blob
""",
    "make-index-only": r"""
desync make image.raw.caibx /tmp/image.raw
""",
    "verify-index": r"""
desync verify-index image.raw.caibx /tmp/image.raw
""",
    "verify": r"""
desync verify -s /some/local/store
""",
    "cache-ssh": r"""
desync cache -s ssh://192.168.1.1/path/to/casync.store/ -c /local/cache somefile.tar.caibx other.file.caibx
""",
    "cache-sftp": r"""
desync cache -s ssh://192.168.1.2/store -c sftp://192.168.1.3/path/to/store /path/to/index.caibx
""",
    "cache-ignore": r"""
desync cache -s http://cdn:9876 -c /tmp/chunkstore --ignore /tmp/indices/existing-image.raw.caibx /tmp/images/existing-image.raw
""",
    "list-chunks": r"""
desync list-chunks somefile.tar.caibx
""",
    "chop": r"""
desync chop -s /some/local/store somefile.tar.caibx somefile.tar
""",
    "chop-ignore": r"""
desync chop -s /some/local/store --ignore image-v1.iso.caibx image-v2.iso.caibx image-v2.iso
""",
    "prune": r"""
desync prune -s /some/local/store index1.caibx index2.caibx
""",
    "tar": r"""
desync tar archive.catar /some/dir
""",
    "tar-index": r"""
desync tar -i -s /some/local/store archive.caidx /some/dir
""",
    "untar": r"""
desync untar archive.catar /some/dir
""",
    "untar-index": r"""
desync untar -i -s /some/local/store archive.caidx /some/dir
""",
    "tar-stream": r"""
desync tar --input-format=tar archive.catar /path/to/archive.tar
""",
    "tar-stdin": r"""
tar --hard-dereference -C /path/to/dir -c . | desync tar --input-format tar archive.catar -
""",
    "untar-gnu-tar": r"""
desync untar -i -s /some/local/store --output-format=gnu-tar archive.caidx /path/to/archive.tar
""",
    "chunk-server": r"""
desync chunk-server -s /some/local/store
""",
    "chunk-server-proxy": r"""
desync chunk-server -s http://192.168.1.1/ -s ssh://192.168.1.2/store -c cache -l :8080
""",
    "chunk-server-store-file": r"""
echo '{"stores": ["http://192.168.1.1/"], "cache": "/tmp/cache"}' > stores.json
desync chunk-server --store-file stores.json -l :8080
echo '{"stores": ["http://192.168.1.2/"], "cache": "/tmp/cache"}' > stores.json
killall -1 desync
""",
    "index-server": r"""
server# desync index-server -s /mnt/indexes --writeable -l :8080
client# desync make -s /some/store http://192.168.1.1:8080/file.vmdk.caibx file.vmdk
""",
    "chunk-server-tls": r"""
desync chunk-server -s s3+https://s3-eu-west-3.amazonaws.com/desync.bucket/prefix -c cache -l 127.0.0.1:https --cert cert.pem --key key.pem
""",
    "mount-index": r"""
desync mount-index -s /some/local/store index.caibx /some/mnt
""",
    "mount-index-cat": r"""
desync cat -s http://192.168.1.1/store http://192.168.1.2/small.caibx | desync mount-index -s http://192.168.1.1/store - /mnt/point
""",
    "mount-index-store-file": r"""
echo '{"stores": ["http://192.168.1.1/"], "cache": "/tmp/cache"}' > stores.json
desync mount-index --store-file stores.json index.caibx /some/mnt
echo '{"stores": ["http://192.168.1.2/"], "cache": "/tmp/cache"}' > stores.json
killall -1 desync
""",
    "info": r"""
desync info --format=json -s /tmp/store -s s3+http://127.0.0.1:9000/store /path/to/index
""",
    "chunk-server-uncompressed": r"""
echo '{"store-options": {"/path/to/store/":{"uncompressed": true}}}' > /path/to/server.json
desync --config /path/to/server.json chunk-server -w -u -s /path/to/store/ -l :8080
echo '{"store-options": {"http://store.host:8080/":{"uncompressed": true}}}' > /path/to/client.json
desync --config /path/to/client.json cache -s sftp://remote.host/store -c http://store.host:8080/ /path/to/blob.caibx
""",
    "chunk-server-authorization": r"""
DESYNC_HTTP_AUTH="Bearer abcabcabc" desync chunk-server -s /path/to/store -l :8080
echo '{"store-options": {"http://127.0.0.1:8080/":{"http-auth": "Bearer abcabcabc"}}}' > /path/to/client.json
desync --config /path/to/client.json extract -s http://127.0.0.1:8080/ /path/to/blob.caibx /path/to/blob
""",
    "chunk-server-ca": r"""
openssl genrsa -out ca.key 4096
openssl req -x509 -new -nodes -key ca.key -sha256 -days 3650 -out ca.crt
openssl genrsa -out server.key 2048
openssl req -new -key server.key -out server.csr (Common Name should be the server name)
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 3650 -sha256
desync chunk-server -s /path/to/store --key server.key --cert server.crt -l :8443
desync extract --ca-cert ca.crt -s https://hostname:8443/ image.iso.caibx image.iso
""",
    "chunk-server-mutual-tls": r"""
openssl genrsa -out ca.key 4096
openssl req -x509 -new -nodes -key ca.key -sha256 -days 3650 -out ca.crt
openssl genrsa -out server.key 2048
openssl req -new -key server.key -out server.csr (Common Name should be the server name)
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 3650 -sha256
openssl genrsa -out client.key 2048
openssl req -new -key client.key -out client.csr
openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out client.crt -days 3650 -sha256
desync chunk-server -s /path/to/store --key server.key --cert server.crt --mutual-tls --client-ca ca.crt -l :8443
desync extract --client-key client.key --client-cert client.crt --ca-cert ca.crt -s https://hostname:8443/ image.iso.caibx image.iso
""",
    "update-size": r"""
desync make --store /some/local/store update.caibx /some/blob
desync inspect-chunks --store /some/local/store update.caibx update_chunks_details.json
desync info --seed local_index.caibx --chunks-info update_chunks_details.json --format=json update.caibx
""",
    "update-size-uncompressed": r"""
desync make --store /some/local/store update.caibx /some/blob
desync info --seed local_index.caibx --format=json update.caibx
""",
}
