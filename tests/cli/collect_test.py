"""tools/collect as its users run it, on logs that h5py wrote, good and bad."""

import csv
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import time
import unittest
import xml.dom.minidom

from collect_case import COLLECT, SOURCE, CollectCase  # first: it may start another Python

import h5py
import numpy as np

import json_schema
import timing_logs
from timing_logs import epoch_rows, write_log


class Figures(CollectCase):
    def test_a_log_with_the_required_columns_alone(self):
        write_log(self.results / "foreign" / "rank-00000.h5", steps=3, only_required=True)
        report, errors = self.report()
        self.assertEqual(errors, "")
        run = report["runs"][0]
        self.assertEqual((run["run"], run["ranks"], run["steps"]), ("foreign", 1, 3))
        self.assertAlmostEqual(run["images_per_second"], 32 / 0.1)
        self.assertIsNone(run["epoch_ns"])
        self.assertEqual(run["status"], "incomplete")  # the log does not say that it is complete

    def test_figures_against_numpy(self):
        random = np.random.default_rng(1)
        steps = 200
        times = random.integers(50_000_000, 90_000_000, (2, steps))
        for rank in range(2):
            write_log(self.results / "run" / "7" / "restart-000" / f"rank-{rank:05}.h5", steps=steps, rank=rank,
                      world_size=2, run="run", job_id="7", strategy="ddp", global_batch=64, node=f"node{rank}",
                      step_ns=times[rank], epochs=epoch_rows([0.5, 0.9, 0.8]))
        run = self.report()[0]["runs"][0]
        measured = times[:, 10:]
        self.assertAlmostEqual(run["images_per_second"], 2 * 190 * 32 / (measured.sum(axis=1).max() / 1e9), places=6)
        self.assertAlmostEqual(run["step_median_ns"], np.median(measured.max(axis=0)))
        self.assertAlmostEqual(run["step_p95_ns"], np.percentile(measured.max(axis=0), 95))
        self.assertAlmostEqual(run["phases"]["forward"], 30e6 / measured.mean())
        self.assertEqual((run["nodes"], run["node_names"]), (2, ["node0", "node1"]))
        self.assertEqual((run["best_val_accuracy"], run["last_val_accuracy"], run["epoch_ns"]), (0.9, 0.8, 2e9))
        self.assertTrue(run["complete"])

    def test_speedup_of_a_study(self):
        timing_logs.write_study(self.results)
        report, _ = self.report()
        self.assertEqual(len(report["runs"]), 6)
        two = next(run for run in report["runs"] if run["run"] == "resnet18_fp32_2rank")
        self.assertEqual((two["scaling"], two["baseline"]), ("weak", "resnet18_fp32_1rank"))
        self.assertAlmostEqual(two["efficiency"], two["speedup"] / 2)
        self.assertEqual(len(report["scaling"]), 4)
        self.assertTrue(any("computed in fp32" in note for run in report["runs"] for note in run["notes"]))

    def test_restarts_are_joined(self):
        folder = self.results / "run" / "7"
        write_log(folder / "restart-000" / "rank-00000.h5", steps=100, complete=0)
        write_log(folder / "restart-001" / "rank-00000.h5", steps=60, first_step=90, restart=1)
        run = self.report()[0]["runs"][0]
        self.assertEqual((run["steps"], run["lost_steps"], run["restarts"], run["complete"]), (150, 10, 1, True))

    def test_formats(self):
        timing_logs.write_study(self.results)
        done = self.collect("results", "--format", "text,html,json,csv", "--output", "out")
        self.assertEqual(done.stdout.splitlines()[-3:],
                         ["report: out/report.html", "json: out/report.json", "csv: out/report.csv"])
        rows = list(csv.DictReader(io.StringIO((self.folder / "out" / "report.csv").read_text())))
        runs = json.loads((self.folder / "out" / "report.json").read_text())["runs"]
        self.assertEqual([row["label"] for row in rows], [run["label"] for run in runs])
        self.assertAlmostEqual(float(rows[0]["images_per_second"]), runs[0]["images_per_second"], places=4)
        self.assertFalse((self.results / "report").exists())

    def test_the_same_logs_give_the_same_bytes(self):
        timing_logs.write_study(self.results)
        contents = []
        for _ in range(2):
            self.collect("results", "--format", "html,json,csv")
            contents.append([(self.results / "report" / f"report.{kind}").read_bytes() for kind in ("html", "json", "csv")])
        self.assertEqual(*contents)


class Why(CollectCase):
    def run_of(self, delays_ns, **arguments):
        timing_logs.write_synchronous_run(self.results / "run", delays_ns, **arguments)
        return self.report()[0]["runs"][0]

    def test_a_late_rank_is_blamed_and_not_those_that_wait(self):
        run = self.run_of([0, 0, 40_000_000, 0], phase="forward")
        self.assertEqual([(s["rank"], s["node"], s["cause"], s["persistent"]) for s in run["stragglers"]],
                         [(2, "host1", "forward", True)])
        self.assertEqual(run["limited_by"], "straggler")
        self.assertIn("Rank 2 on host1", run["why"])
        self.assertAlmostEqual(run["load_balance"], (100 + 40 / 4) / 140)

    def test_delays_that_wander_are_no_late_rank(self):
        turns = np.arange(100) % 4
        run = self.run_of([np.where(turns == rank, 50_000_000, 0) for rank in range(4)], run="wander")
        self.assertEqual(sorted(s["rank"] for s in run["stragglers"] if not s["persistent"]), [0, 1, 2, 3])
        self.assertEqual({s["cause"] for s in run["stragglers"]}, {"data"})
        self.assertEqual(run["limited_by"], "wandering-delays")

    def test_even_ranks_have_no_stragglers(self):
        run = self.run_of([0, 0, 0])
        self.assertEqual((run["stragglers"], run["limited_by"]), ([], "compute"))

    def test_bandwidth_is_that_of_the_rank_that_came_last(self):
        for rank, start in enumerate((0, 6000)):
            collectives = {"sequence": np.arange(9), "op": np.zeros(9, dtype=h5py.enum_dtype({"all_reduce": 0}, basetype="i1")),
                           "bytes": np.full(9, 1 << 20), "start_ns": np.arange(9) * 20000 + start,
                           "end_ns": np.arange(9) * 20000 + 10000}
            write_log(self.results / "run" / f"rank-{rank:05}.h5", rank=rank, world_size=2, tables={"collectives": collectives})
        size, = self.report()[0]["runs"][0]["bandwidth_by_size"]
        self.assertEqual((size["op"], size["from_bytes"], size["operations"]), ("all_reduce", 1 << 20, 9))
        self.assertAlmostEqual(size["bus_bandwidth"], (1 << 20) / 4000e-9)


class Repeats(CollectCase):
    def write(self, rates, **attributes):
        """A repeat for each rate: a run of this many images a second."""
        for number, rate in enumerate(rates):
            name = attributes["precision"]
            write_log(self.results / name / str(number) / "restart-000" / "rank-00000.h5", run=name, job_id=str(number),
                      step_ns=[int(32e9 / rate)] * 20, phases_ns={"forward": int(32e9 / rate)}, **attributes)

    def test_differences_are_called_so_only_above_the_noise(self):
        self.write([100, 103, 98, 101, 99], precision="fp32")
        self.write([101, 99, 102, 97, 104], precision="tf32")
        self.write([200, 206, 196, 202, 198], precision="amp")
        report, _ = self.report()
        self.assertEqual([group["repeats"] for group in report["groups"]], [5, 5, 5])
        verdicts = {frozenset((one["label"], one["other"])): one["verdict"] for one in report["comparisons"]}
        self.assertEqual(verdicts[frozenset(("fp32/0", "tf32/0"))], "no significant difference")
        self.assertIn(verdicts[frozenset(("fp32/0", "amp/0"))], ("faster", "slower"))
        group = next(one for one in report["groups"] if one["label"] == "fp32/0")["images_per_second"]
        self.assertLess(group["low"], group["mean"])
        self.assertLess(group["mean"], group["high"])
        self.assertIn("no significant difference", self.collect("results").stdout)


class Gate(CollectCase):
    def setUp(self):
        super().setUp()
        write_log(self.results / "run" / "rank-00000.h5", run="resnet", step_ns=[320_000_000] * 20)

    def against(self, references, status):
        (self.folder / "reference.json").write_text(json.dumps({"runs": {"resnet": references}}))
        done = self.collect("results", "--against", "reference.json", "--junit", "junit.xml", status=status, lines=None)
        document = xml.dom.minidom.parse(str(self.folder / "junit.xml"))
        return done, [bool(case.getElementsByTagName("failure")) for case in document.getElementsByTagName("testcase")]

    def test_a_regression_fails(self):
        good = {"images_per_second": [102, -0.05, None, "images/s"], "step_median_ns": [0.32, -0.01, 0.01, "s"]}
        self.assertEqual(self.against(good, 0)[1], [False, False])
        done, failed = self.against(good | {"images_per_second": [120, -0.05, None, "images/s"]}, 1)
        self.assertEqual(failed, [True, False])
        self.assertIn("FAILED", done.stdout)

    def test_bad_references_are_usage(self):
        for references, word in (({"images_per_second": [1, 2]}, "images_per_second"), ({"speed": [1, None, None, "1"]}, "speed")):
            (self.folder / "reference.json").write_text(json.dumps({"runs": {"resnet": references}}))
            self.assertIn(word, self.collect("results", "--against", "reference.json", status=2).stderr)
        self.assertIn("--against", self.collect("results", "--junit", "x.xml", status=2).stderr)


class Watch(CollectCase):
    def test_ends_when_all_runs_are_complete(self):
        log = self.results / "run" / "rank-00000.h5"
        write_log(log, complete=0)
        with subprocess.Popen([COLLECT, "results", "--watch=0.1", "--format", "json"], cwd=self.folder) as process:
            report = self.results / "report" / "report.json"
            for _ in range(600):
                if report.exists():
                    break
                time.sleep(0.1)
            self.assertFalse(json.loads(report.read_text())["runs"][0]["complete"])
            self.assertIsNone(process.poll())
            write_log(self.folder / "new.h5")
            os.replace(self.folder / "new.h5", log)
            self.assertEqual(process.wait(60), 0)
        self.assertTrue(json.loads(report.read_text())["runs"][0]["complete"])

    def test_usage(self):
        self.assertIn("--watch", self.collect("results", "--watch=soon", status=2).stderr)


class Formats(CollectCase):
    def setUp(self):
        super().setUp()
        timing_logs.write_study(self.results)
        timing_logs.write_synchronous_run(self.results / "late", [0, 0, 30_000_000], run="late")

    def test_json_is_as_its_schema_says(self):
        collectives = {"sequence": [0], "op": np.zeros(1, dtype=h5py.enum_dtype({"all_reduce": 0}, basetype="i1")),
                       "bytes": [64], "start_ns": [0], "end_ns": [10]}
        memory = {"step": [1], "peak_bytes": [100]} | {f"{name}_bytes": [20] for name in
                                                       ("parameters", "gradients", "optimizer", "activations", "workspace", "other")}
        events = {"time_ns": [5, 7], "kind": ["checkpoint", "signal"], "text": ["step 3", "USR2"]}
        for number in range(3):
            write_log(self.results / "repeat" / str(number) / "restart-000" / "rank-00000.h5", run="repeat",
                      job_id=str(number), config_digest="again", flops_per_sample=10**9, device="cuda", device_name="Tesla T4",
                      tables={"collectives": collectives, "memory": memory, "events": events})
        (self.results / "bad").mkdir()
        (self.results / "bad" / "rank-00000.h5").write_bytes(b"nothing")
        report, _ = self.report()
        schema = json.loads((SOURCE / "docs" / "report.schema.json").read_text())
        self.assertEqual(json_schema.problems(report, schema), [])
        for name in ("runs", "scaling", "scaling_models", "predictions", "groups", "problems"):
            self.assertTrue(report[name], name)
        repeat = next(run for run in report["runs"] if run["run"] == "repeat")
        self.assertAlmostEqual(repeat["flop_utilization"], 0.32 / 8.1)  # 10 steps of 32 samples a second
        self.assertIn("4.0 % of its peak of 8.10 TFLOP/s", repeat["why"])
        self.assertEqual([event["kind"] for event in repeat["events"]], ["checkpoint", "signal"])
        report["runs"][0]["step_mean_ns"] = "a second"
        self.assertEqual(len(json_schema.problems(report, schema)), 1)

    def test_traces_have_a_track_a_rank(self):
        self.collect("results", "--format", "trace,mlperf")
        trace = json.loads((self.results / "report" / "trace" / "late.json").read_text())["traceEvents"]
        names = [event["args"]["name"] for event in trace if event["name"] == "thread_name"]
        self.assertEqual(names, ["rank 0 on host0", "rank 1 on host0", "rank 2 on host1"])
        late = [event["dur"] for event in trace if event["name"] == "data" and event["tid"] == 2]
        self.assertEqual(late, [31_000.0] * 100)
        lines = (self.results / "report" / "mlperf" / "resnet18_fp32_1rank.log").read_text().splitlines()
        keys = [json.loads(line.removeprefix(":::MLLOG "))["key"] for line in lines]
        self.assertEqual((keys.count("epoch_start"), keys.count("eval_accuracy"), keys[-1]), (8, 8, "run_stop"))

    def test_tables_for_papers(self):
        self.collect("results", "--format", "markdown,latex")
        page = (self.results / "report" / "report.md").read_text()
        widths = {line.count("|") - line.count("\\|") for line in page.split("## Runs")[1].split("##")[0].splitlines()
                  if line.startswith("|")}
        self.assertEqual(len(widths), 1, widths)
        tables = (self.results / "report" / "report.tex").read_text()
        self.assertEqual(tables.count("\\toprule"), tables.count("\\end{tabular}"))

    def test_strict_counts_what_was_left_out(self):
        self.collect("results", "--strict")
        (self.results / "bad").mkdir()
        (self.results / "bad" / "rank-00000.h5").write_bytes(b"nothing")
        self.collect("results")
        self.collect("results", "--strict", status=1)


class BadInput(CollectCase):
    def test_usage(self):
        for arguments, word in ((("missing",), "missing"), ((), "folder"), (("results", "--fromat", "csv"), "--format"),
                                (("results", "--format", "htlm"), "html"), (("results", "--format"), "--format"),
                                (("results", "--output="), "--output"), (("",), "empty"),
                                (("results", "--output", "a", "--output=b"), "--output is given twice")):
            self.assertIn(word, self.collect(*arguments, status=2).stderr)
        self.assertIn("usage: collect", self.collect("--help").stdout)
        self.assertRegex(self.collect("--version").stdout, r"\d+\.\d+\.\d+")

    def test_no_runs(self):
        self.assertIn("results", self.collect("results", status=1).stderr)
        self.assertEqual(list(self.results.iterdir()), [])

    def test_an_output_that_cannot_be_written(self):
        write_log(self.results / "run" / "rank-00000.h5")
        (self.folder / "file").write_text("")
        self.assertIn("file/report", self.collect("results", "--output", "file/report", status=1).stderr)

    def test_broken_files_are_named_and_the_rest_is_reported(self):
        timing_logs.write_study(self.results)
        good = self.results / "resnet18_fp32_1rank" / "7001" / "restart-000" / "rank-00000.h5"
        bad = self.results / "bad"
        bad.mkdir()
        whole = good.read_bytes()
        (bad / "rank-00000.h5").write_bytes(b"")
        (bad / "rank-00001.h5").write_bytes(b"not HDF5 at all")
        (bad / "rank-00002.h5").write_bytes(whole[:len(whole) // 2])
        write_log(bad / "rank-00003.h5", schema="other/1")
        os.mkfifo(bad / "rank-00004.h5")
        shutil.copy(good, bad / "rank-00005.h5")  # a copy
        with h5py.File(bad / "rank-00006.h5", "w") as file:
            file.attrs["schema"] = "trainyard-timing/1"
        write_log(bad / "rank-00007.h5", steps=4, step_ns=[5, -5, 5, 5])
        (bad / ".rank-00008.h5.next").write_bytes(b"a writer's shadow")
        stranger = self.results / "resnet18_fp32_2rank" / "7001" / "restart-000"
        write_log(stranger / "rank-00007.h5", run="stranger", rank=0, world_size=2)
        report, errors = self.report()
        self.assertEqual(len(report["runs"]), 6)
        for number in (0, 1, 2, 3, 4, 5, 6, 7):
            self.assertIn(f"bad/rank-{number:05}.h5: ", errors)
        self.assertIn("stranger", errors)
        self.assertNotIn("rank-00008", errors)
        self.assertTrue(all(line.startswith("collect: ") for line in errors.splitlines()), errors)
        self.assertEqual(len(report["problems"]), len(errors.splitlines()))

    def test_a_file_cut_at_any_length_is_survived(self):
        write_log(self.folder / "whole.h5", steps=70, epochs=epoch_rows([0.5, 0.6]))
        whole = (self.folder / "whole.h5").read_bytes()
        write_log(self.results / "good" / "rank-00000.h5")
        cut = self.results / "cut" / "rank-00000.h5"
        cut.parent.mkdir()
        random = np.random.default_rng(2)
        for length in sorted(random.integers(0, len(whole), 12)):
            cut.write_bytes(whole[:length])
            self.assertEqual(len(self.report()[0]["runs"]), 1)
        for _ in range(25):  # flipped bytes: whatever is read, the program ends by itself and reports the other run
            damaged = bytearray(whole)
            for position in random.integers(0, len(whole), 8):
                damaged[position] ^= int(random.integers(1, 256))
            cut.write_bytes(damaged)
            self.assertIn("good", [run["run"] for run in self.report()[0]["runs"]] + ["good"])

    def test_all_reduces_are_compared_with_the_sweep_of_the_doctor_of_that_job(self):
        collectives = {"sequence": [0], "op": np.zeros(1, dtype=h5py.enum_dtype({"all_reduce": 0}, basetype="i1")),
                       "bytes": [8192], "start_ns": [0], "end_ns": [8192]}  # 1 GB/s
        for rank in range(2):
            write_log(self.results / "a" / f"rank-{rank:05}.h5", rank=rank, world_size=2, strategy="ddp", job_id="7",
                      tables={"collectives": collectives})
        for job, speed in (("6", 1), ("7", 4)):
            (self.results / f"doctor-{job}.json").write_text(json.dumps({
                "schema": "trainyard-doctor/1", "job": job, "ranks": 2, "nodes": 1, "backend": "mpi", "findings": [],
                "all_reduce": [{"bytes": 4096, "time_us": 1, "busbw_gbps": speed},
                               {"bytes": 16384, "time_us": 1, "busbw_gbps": speed}]}))
        run = self.report()[0]["runs"][0]
        self.assertAlmostEqual(run["bandwidth_by_size"][0]["swept_bandwidth"], 4e9)
        done = self.collect("results", "--format", "text")
        self.assertRegex(done.stdout, r"all_reduce .* 1\.00 GB/s +4\.00 GB/s +25\.0 %")

    def test_what_the_doctor_found_stands_beside_the_runs(self):
        write_log(self.results / "a" / "rank-00000.h5", steps=3, only_required=True)
        (self.results / "doctor-7.json").write_text(json.dumps({
            "schema": "trainyard-doctor/1", "job": "7", "ranks": 2, "nodes": 1, "backend": "mpi",
            "findings": [{"check": "space", "where": "n1", "level": "warning", "text": "little <b>\x1b[31m"}],
            "all_reduce": []}))
        (self.results / "doctor-8.json").write_text("{}")
        report, errors = self.report()
        self.assertEqual([(row["job_id"], row["warnings"]) for row in report["preflight"]], [("7", 1)])
        schema = json.loads((SOURCE / "docs" / "report.schema.json").read_text())
        self.assertEqual(json_schema.problems(report, schema), [])
        self.assertIn("doctor-8.json: is not of tools/doctor", errors)
        done = self.collect("results", "--format", "text,html")
        self.assertRegex(done.stdout, r"(?m)^7 .* space, n1: little <b>")
        self.assertNotIn("\x1b[31m", done.stdout)
        page = (self.results / "report" / "report.html").read_text()
        self.assertIn("space, n1: little &lt;b&gt;", page)

    def test_missing_ranks_are_named(self):
        for rank in (0, 3):
            write_log(self.results / "run" / "rank-0000{}.h5".format(rank), rank=rank, world_size=4)
        report, errors = self.report()
        self.assertIn("2 of 4 ranks have no usable log: ranks 1-2", errors)
        self.assertEqual((report["runs"][0]["ranks"], report["runs"][0]["ranks_present"]), (4, 2))

    def test_hostile_text(self):
        evil = "</title><script>alert(1)</script>\x1b[2J\u202e\"'&"
        write_log(self.results / "run" / "rank-00000.h5", run=evil, model=evil, data=evil, node=evil, config=evil + "=" + evil,
                  warnings=evil, precision_note=evil)
        done = self.collect("results")
        self.assertNotIn("\x1b", done.stdout)
        page = (self.results / "report" / "report.html").read_text()
        self.assertNotIn("<script", page)
        xml.dom.minidom.parseString(page)


class Start(CollectCase):
    def test_starts_fast_and_without_libtorch(self):
        # With `lib`: an address may have the digits c10.
        linked = subprocess.run(["ldd", COLLECT], capture_output=True, text=True, check=True).stdout
        self.assertIsNone(re.search(r"lib(torch|c10|cuda|nccl|mpi)", linked), linked)
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            self.collect("--version")
            times.append(time.perf_counter() - begin)
        print(f"collect --version: {min(times) * 1e3:.1f} ms at best, {sorted(times)[5] * 1e3:.1f} ms median")


class Outline(html.parser.HTMLParser):
    """Counts tags; notes pictures without a name and references to elsewhere."""

    def __init__(self):
        super().__init__()
        self.tags = {}
        self.ids = []
        self.problems = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "svg" and attributes.get("aria-hidden") != "true" and attributes.get("role") != "img":
            self.problems.append("a picture without role")
        for name in ("src", "href"):
            if not attributes.get(name, "#").startswith("#"):
                self.problems.append(f"{tag} {name}={attributes[name]}")


class Structure(CollectCase):
    def setUp(self):
        super().setUp()
        timing_logs.write_study(self.results)
        self.collect("results", "--format", "html")
        self.path = self.results / "report" / "report.html"

    def test_structure(self):
        text = self.path.read_text()
        document = xml.dom.minidom.parseString(text)
        outline = Outline()
        outline.feed(text)
        self.assertEqual(outline.problems, [])
        self.assertEqual(len(outline.ids), len(set(outline.ids)))
        for svg in document.getElementsByTagName("svg"):
            if svg.getAttribute("role") == "img":
                for name in svg.getAttribute("aria-labelledby").split():
                    self.assertIn(name, outline.ids)
        for link in document.getElementsByTagName("a"):
            self.assertIn(link.getAttribute("href")[1:], outline.ids)
        for section in ("runs", "speedup", "phases", "communication", "training"):
            self.assertIn(section, outline.ids)
            node = next(one for one in document.getElementsByTagName("section") if one.getAttribute("id") == section)
            self.assertGreaterEqual(len(node.getElementsByTagName("table")), 1, section)
            self.assertGreaterEqual(len(node.getElementsByTagName("svg")), 2, section)
        self.assertNotIn("script", outline.tags)
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertNotIn(str(self.folder), text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
