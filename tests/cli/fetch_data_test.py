"""tools/fetch-data as a user types it, from a server of its own that knows ranges and fails when asked to."""

import hashlib
import http.server
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zipfile

SOURCE = pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"])


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `files`; sends at most `most_bytes` of a file and then hangs up."""

    files: dict = {}
    most_bytes = None
    asked: list = []

    def do_GET(self):
        content = self.files.get(self.path[1:])
        if content is None:
            self.send_error(404)
            return
        first = 0
        if "Range" in self.headers:
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        self.asked.append((self.path[1:], first))
        if first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first:][: self.most_bytes])

    def log_message(self, *arguments):
        pass


def tar_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class FetchDataTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        shutil.copytree(SOURCE / "tools", self.folder / "tools")
        self.data = self.folder / "data"
        Handler.files, Handler.most_bytes, Handler.asked = {}, None, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def offer(self, data, name, content, under=""):
        """The server has it, and the table knows its checksum."""
        Handler.files[name] = content
        with open(self.folder / "tools" / ".archives", "a") as table:
            table.write(f"{data} sha256:{hashlib.sha256(content).hexdigest()} http://example.org/{name} {under}\n")

    def fetch(self, *arguments, mirror=None):
        port = self.server.server_address[1]
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment["TRAINYARD_MIRROR"] = mirror or f"http://127.0.0.1:{port}/"
        return subprocess.run([self.folder / "tools" / "fetch-data", *arguments], env=environment, capture_output=True,
                              text=True, timeout=60)

    def assert_fails(self, status, result, *named):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for name in named:
            self.assertIn(name, result.stderr)

    def found(self):
        return sorted(str(path.relative_to(self.data)) for path in self.data.rglob("*") if path.is_file())

    def test_unpacks_archives_and_puts_plain_files_into_their_folder(self):
        (self.folder / "tools" / ".archives").write_text("")
        self.offer("cifar10", "cifar-10-binary.tar.gz", tar_of({"cifar-10-batches-bin/test_batch.bin": b"x"}))
        self.offer("tiny-imagenet", "tiny-imagenet-200.zip", zip_of({"tiny-imagenet-200/wnids.txt": b"n01\n"}))
        self.offer("svhn", "train_32x32.mat", b"train", "svhn")
        self.offer("svhn", "test_32x32.mat", b"test", "svhn")
        for name in ("cifar10", "tiny-imagenet", "svhn"):
            result = self.fetch(name, self.data)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn(f"data = {name} and data-dir = {self.data}", result.stdout)
        everything = ["cifar-10-batches-bin/test_batch.bin", "svhn/test_32x32.mat", "svhn/train_32x32.mat",
                      "tiny-imagenet-200/wnids.txt"]
        self.assertEqual(self.found(), everything)
        Handler.asked.clear()
        for name in ("cifar10", "tiny-imagenet", "svhn"):  # nothing is fetched twice
            self.assertEqual(self.fetch(name, self.data).returncode, 0)
        self.assertEqual(Handler.asked, [])
        self.assertEqual(self.found(), everything)

    def test_goes_on_where_it_stopped(self):
        (self.folder / "tools" / ".archives").write_text("")
        content = bytes(range(256)) * 400
        self.offer("svhn", "train_32x32.mat", content, "svhn")
        Handler.most_bytes = 40_000
        self.assert_fails(1, self.fetch("svhn", self.data), "train_32x32.mat cannot be fetched", "copy it to")
        part = self.data / "svhn" / "train_32x32.mat.part"
        held = part.stat().st_size
        self.assertGreater(held, 0)
        self.assert_fails(1, self.fetch("svhn", self.data), "cannot be fetched")  # interrupted again: nothing is lost
        self.assertGreater(part.stat().st_size, held)
        held = part.stat().st_size
        Handler.most_bytes = None
        Handler.asked.clear()
        self.assertEqual(self.fetch("svhn", self.data).returncode, 0)
        self.assertEqual(Handler.asked, [("train_32x32.mat", held)])
        self.assertEqual((self.data / "svhn" / "train_32x32.mat").read_bytes(), content)
        self.assertFalse(part.exists())

    def test_begins_anew_where_what_is_there_is_no_part_of_it(self):
        (self.folder / "tools" / ".archives").write_text("")
        self.offer("svhn", "train_32x32.mat", b"short", "svhn")
        part = self.data / "svhn" / "train_32x32.mat.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"something longer than the file")
        self.assertEqual(self.fetch("svhn", self.data).returncode, 0)
        self.assertEqual((self.data / "svhn" / "train_32x32.mat").read_bytes(), b"short")

    def test_refuses_what_has_another_checksum(self):
        (self.folder / "tools" / ".archives").write_text("")
        self.offer("svhn", "train_32x32.mat", b"right", "svhn")
        Handler.files["train_32x32.mat"] = b"wrong"
        self.assert_fails(1, self.fetch("svhn", self.data), "has not the checksum sha256:", "deleted")
        self.assertEqual(self.found(), [])
        (self.data / "svhn" / "train_32x32.mat").write_bytes(b"mine")
        self.assert_fails(1, self.fetch("svhn", self.data), "svhn/train_32x32.mat: has not the checksum")
        self.assertEqual(self.found(), ["svhn/train_32x32.mat"])

    def test_without_a_network_says_what_to_copy_where(self):
        result = self.fetch("cifar10", self.data, mirror="http://127.0.0.1:9/none")
        self.assert_fails(1, result, "http://127.0.0.1:9/none/cifar-10-binary.tar.gz cannot be fetched",
                          f"copy it to {self.data}/cifar-10-binary.tar.gz by hand")

    def test_takes_a_file_that_was_copied_by_hand(self):
        (self.folder / "tools" / ".archives").write_text("")
        archive = tar_of({"cifar-10-batches-bin/test_batch.bin": b"x"})
        self.offer("cifar10", "cifar-10-binary.tar.gz", archive)
        self.data.mkdir()
        (self.data / "cifar-10-binary.tar.gz").write_bytes(archive)
        result = self.fetch("cifar10", self.data, mirror="http://127.0.0.1:9/none")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.found(), ["cifar-10-batches-bin/test_batch.bin"])

    def test_refuses_bad_arguments(self):
        self.assert_fails(2, self.fetch(), "tools/fetch-data NAME DIR")
        self.assert_fails(2, self.fetch("cifar10"), "tools/fetch-data NAME DIR")
        self.assert_fails(2, self.fetch("cifar", self.data), "'cifar' is not allowed: ag-news|cifar10|sst2|svhn|tiny-im")
        self.assert_fails(2, self.fetch(".*", self.data), "'.*' is not allowed")
        self.assertFalse(self.data.exists())
        self.assertIn("cifar10, svhn, tiny-imagenet, sst2 or ag-news", self.fetch("--help").stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
