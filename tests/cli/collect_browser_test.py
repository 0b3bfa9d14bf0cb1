"""The HTML report in a real browser, headless Chromium, at a desk's and a phone's width."""

import html
import json
import os
import re
import shutil
import subprocess
import unittest

from collect_case import CollectCase, skip  # first: it may start another Python

import timing_logs

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if BROWSER is None:
    skip("skipped: no Chromium on PATH (Debian: chromium)")

# Put into a copy of the page, which a frame shows: a window cannot be as narrow as a phone, a frame can.
MEASURE = """<script>
document.querySelectorAll("details").forEach(details => { details.open = true; });
const text = [...document.querySelectorAll("svg text")].filter(t => t.getBoundingClientRect().width > 0);
parent.postMessage(JSON.stringify({
  inner_width: window.innerWidth,
  scroll_width: document.documentElement.scrollWidth,
  texts: text.length,
  smallest: Math.min(...text.map(t => t.getBoundingClientRect().height)),
  outside: text.filter(t => {
    const inner = t.getBoundingClientRect(), outer = t.ownerSVGElement.getBoundingClientRect();
    return inner.left < outer.left - 1 || inner.right > outer.right + 1;
  }).map(t => t.textContent),
}), "*");
</script></body>"""

FRAME = """<!DOCTYPE html><title>frame</title><pre></pre><script>
window.addEventListener("message", message => { document.querySelector("pre").textContent = message.data; });
</script><iframe src="measured.html" style="width: WIDTHpx; height: 900px; border: 0"></iframe>"""


class Browser(CollectCase):
    def setUp(self):
        super().setUp()
        timing_logs.write_study(self.results)
        categories = {f"{name}_bytes": [part << 20] for part, name in
                      enumerate(("parameters", "gradients", "optimizer", "activations", "workspace", "other"), 5)}
        phases = {f"{name}_peak_bytes": [part << 20] for part, name in ((30, "forward"), (45, "backward"), (22, "optimizer"))}
        memory = {"step": [1], "peak_bytes": [45 << 20]} | categories | phases
        for number in range(3):  # with repeats, a late rank, memory and a study, so that all kinds of plots are there
            timing_logs.write_synchronous_run(self.results / "late" / str(number), [0, 0, 30_000_000], run="late",
                                              job_id=str(number), tables={"memory": memory}, data="svhn",
                                              epochs=timing_logs.epoch_rows([0.5, 0.7]))
        self.collect("results", "--format", "html")
        self.page = self.results / "report" / "report.html"

    def browse(self, width, height, *arguments):
        done = subprocess.run(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions",
             f"--user-data-dir={self.folder / 'profile'}", "--enable-logging=stderr", f"--window-size={width},{height}",
             *arguments],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("CONSOLE", done.stderr)
        return done.stdout

    def test_is_drawn_without_a_console_message(self):
        for width, height in ((1280, 4200), (390, 6200)):
            picture = self.folder / f"report-{width}.png"
            self.browse(width, height, f"--screenshot={picture}", self.page.as_uri())
            content = picture.read_bytes()
            self.assertEqual(int.from_bytes(content[16:20], "big"), width)
            self.assertGreater(len(content), 50_000)  # a blank page takes less
            if keep := os.environ.get("TRAINYARD_KEEP_PICTURES"):
                shutil.copy(picture, keep)

    def test_fits_the_width_and_keeps_its_text_readable(self):
        measured = self.folder / "measured.html"
        page = self.page.read_text().replace("</body>", MEASURE)
        measured.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page))
        for width in (1280, 390):
            frame = self.folder / "frame.html"
            frame.write_text(FRAME.replace("WIDTH", str(width)))
            page = self.browse(1400, 900, "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
            found = json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1]))
            self.assertEqual((found["inner_width"], found["scroll_width"]), (width, width))
            self.assertGreater(found["texts"], 50)
            self.assertGreater(found["smallest"], 10.9)  # 11, scaled
            self.assertEqual(found["outside"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
