"""The results as a table for a terminal, at most 110 columns, and every budget with its verdict."""

from __future__ import annotations

import textwrap
from typing import Any, TextIO

from bench import (
    accounts,
    idle,
    matching,
    million,
    opening,
    recording,
    replaying,
    stores,
    suites,
    tools,
    vcr_files,
)
from bench.reasons import reasons_of


class Report:
    """Prints sections and collects the budgets."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.budgets: list[dict[str, Any]] = []
        self._notes: list[str] = []

    def all(self, results: dict[str, Any], machine: dict[str, Any]) -> None:
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        self._line(f"Python {machine['python']} on {machine['platform']}")
        self._line(versions)
        for name, section in results.items():
            getattr(self, f"_{name}")(section)
        self._title("Budgets")
        for budget in self.budgets:
            self._line(f"{budget['verdict']:<8} {budget['text']}")
        missed = {budget["what"] for budget in self.budgets if not budget["met"]}
        if reasons := reasons_of(missed):
            self._title(
                "Why budgets are not met where they are not on an idle machine of two cores"
            )
            for reason in reasons:
                self._line(textwrap.fill(reason, 110, subsequent_indent="  "))

    def _replay(self, rows: list[dict[str, Any]]) -> None:
        self._title("1. A replayed call: µs of CPU time, and times the client's mock (same answer)")
        peers = ("onetake", "cassetter", "respx", "responses", "vcrpy")
        head = "".join(f"{name:>15}" for name in peers)
        self._line(f"{'':<26}{'mock':>5}{'streamed':>9}{head}"[:110])
        for row in rows:
            if "error" in row:
                self._line(f"{row['name']:<26}  {row['error']}")
                continue
            cells = row["cells"]
            mock = cells["mock"]["us"]
            streamed = cells["streamed"]["us"] / mock if "streamed" in cells else None
            text = f"{row['name']:<26}{mock:>5.0f}" + _times(streamed, 9)
            for name in peers:
                us = cells[name]["us"] if name in cells else None
                text += f"{'-':>15}" if us is None else f"{us:>8,.0f}" + _times(us / mock, 7)
            self._line(text)
            for name, cell in cells.items():
                if cell["note"]:
                    self._note(f"{name}, {row['name']}: {cell['note']}")
            ours = cells["onetake"]["us"]
            if ours:
                self._budget(ours / mock, row["budget"], f"replay, {row['name']}", " x mock")
                peer = cells.get("cassetter", {}).get("us")
                if peer:
                    self._budget(ours / peer, 1.0, f"replay, {row['name']}", " x cassetter")
        self._note("streamed: the same mock, whose answer the client reads as one from the network")
        self._flush_notes()

    def _instructions(self, rows: list[dict[str, Any]]) -> None:
        self._title("Instructions of a replayed call, in thousands")
        for row in rows:
            mock, ours = row["mock"], row["onetake"]
            self._line(f"{row['name']:<27}{mock:>9.1f}{ours:>9.1f}{ours / mock:>7.2f}x")
            budget = replaying.INSTRUCTIONS_BUDGET
            self._budget(ours / mock, budget, f"instructions, {row['name']}", " x mock")

    def _open(self, rows: list[dict[str, Any]]) -> None:
        self._title("2. Opening a cassette of 2 kB calls: ms, and times onetake's later opening")
        self._line(
            f"{'recordings':>10}{'onetake MB':>11}{'first':>10}{'later':>10}"
            f"{'vcrpy MB':>12}{'vcrpy':>20}{'cassetter MB':>14}{'cassetter':>18}"
        )
        for row in rows:
            cells = row["cells"]
            ours = cells["onetake"]
            later = ours.get("later_ms")
            text = f"{row['size']:>10,}"
            if later is None:
                self._note(f"onetake: {ours['note']}")
                text += f"{'-':>11}{'-':>10}{'-':>10}"
            else:
                text += f"{ours['mb']:>11.1f}{ours['first_ms']:>10.2f}{later:>10.2f}"
            for tool, widths in (("vcrpy", (12, 20)), ("cassetter", (14, 18))):
                cell = cells[tool]
                mb = f"{cell['mb']:.1f}" if "mb" in cell else "-"
                ms = cell.get("later_ms")
                value = cell.get("note", "")
                if ms is not None:
                    value = f"{ms:,.1f}" + (f" {ms / later:>7.1f}x" if later else "")
                text += f"{mb:>{widths[0]}}{value[: widths[1] - 1]:>{widths[1]}}"
            self._line(text)
            if later is not None and row["size"] == opening.BUDGET_SIZE:
                name = f"{row['size']:,} recordings"
                self._budget(later, opening.LATER_BUDGET_MS, f"opening with index, {name}", " ms")
                first = ours["first_ms"]
                self._budget(first, opening.FIRST_BUDGET_MS, f"opening afresh, {name}", " ms")
                closing = ours["closing_ms"]
                self._budget(closing, opening.CLOSING_BUDGET_MS, f"closing after {name}", " ms")
                self._note(
                    f"onetake finds out the keys of {name} at the first request out of order: "
                    f"{ours['first_keys_ms']:.1f} ms afresh, {ours['later_keys_ms']:.1f} ms with an index"
                )
        self._flush_notes()

    def _record(self, rows: list[dict[str, Any]]) -> None:
        self._title("3. Recording: ms of CPU time added to a live call, and (per call) by closing")
        head = "".join(f"{tool:>11}{'closing':>9}" for tool in tools.TOOLS)
        self._line(f"{'':<21}{'live':>8}{head}{'first byte':>13}")
        for row in rows:
            name = f"{row['client']}, {row['what']}"
            if "error" in row:
                self._line(f"{name:<21}  {row['error']}")
                continue
            ms = {key: cell["us"] and cell["us"] / 1000 for key, cell in row["cells"].items()}
            if ms["live"] is None:
                self._line(f"{name:<21}  {row['cells']['live']['note']}")
                continue
            text = f"{name:<21}{ms['live']:>8.2f}"
            for tool in tools.TOOLS:
                if ms[tool] is None:
                    self._note(f"{tool}, {name}: {row['cells'][tool]['note']}")
                    text += f"{'-':>11}{'-':>9}"
                else:
                    text += f"{ms[tool] - ms['live']:>+11.2f}{row['closing_ms'].get(tool, 0):>9.2f}"
            *_, call, first = recording.BUDGETS_MS[row["what"]]
            if ms["onetake"] is not None:
                self._budget(ms["onetake"] - ms["live"], call, f"recording, {name}", " ms")
            if ms.get("first onetake") and ms.get("first live"):
                added = ms["first onetake"] - ms["first live"]
                text += f"{added:>+13.2f}"
                self._budget(added, first, f"first byte, {name}", " ms")
            self._line(text)
        self._flush_notes()

    def _idle(self, result: dict[str, Any]) -> None:
        self._title("4. No cassette open: ns added to a call by each installed seam")
        if "error" in result:
            self._line(f"-  {result['error']}")
            return
        for name, ns in result["seams_ns"].items():
            self._line(f"{ns:>8.0f}  {name}")
        for client, ns in result["clients_ns"].items():
            if ns:
                self._budget(ns / 1000, idle.BUDGET_US, f"no cassette, {client}", " µs")

    def _accounts(self, result: dict[str, Any]) -> None:
        self._title("10. Memory that the account of replayed calls takes: MB")
        if "error" in result:
            self._line(f"-  {result['error']}")
            return
        for how in ("one opening", "an opening for each 20"):
            what = f"{result['calls']:,} calls, {how}"
            self._budget(result[how], accounts.BUDGET_MB, what, " MB")

    def _suites(self, result: dict[str, Any]) -> None:
        self._title("5. Starts and suites: ms of CPU time, in processes of their own")
        if "error" in result:
            self._line(f"-  {result['error']}")
            return
        budgets = {
            "import onetake": suites.IMPORT_BUDGET_MS,
            "pytest, no marked test": suites.UNMARKED_BUDGET_MS,
            "pytest, a marked test": suites.MARKED_BUDGET_MS,
        }
        for name, ms in result["added_ms"].items():
            self._line(f"{name:<36}{ms:>+8.1f}")
            if name in budgets:
                self._budget(ms, budgets[name], name, " ms")
        if "test_ms" in result:
            self._line(f"{'each marked test without calls':<36}{result['test_ms']:>+8.2f}")
            self._budget(
                result["test_ms"], suites.TEST_BUDGET_MS, "a marked test without calls", " ms"
            )
        if "suites_ms" in result:
            ours, theirs = result["suites_ms"]["onetake"], result["suites_ms"]["respx"]
            what = f"{result['tests']:,} tests, one call each, -n 2"
            self._line(f"{what:<36}{ours:>8,.0f}   by respx {theirs:,.0f}")
            self._budget(ours / theirs, suites.RESPX_BUDGET, what, " x respx")

    def _matching(self, result: dict[str, Any]) -> None:
        self._title(
            f"6. Matching: a miss among {result['missed_among']:,} recordings of 2 kB, by what changed: ms"
        )
        self._line(f"{'':<24}{'explained: first':>18}{'later':>10}{'call: first':>14}{'later':>10}")
        for what, cell in result["misses"].items():
            if "error" in cell:
                self._line(f"{what:<24}  {cell['error']}")
                continue
            explained, called = cell["explained_ms"], cell["called_ms"]
            wrong = f"   {cell['wrong']} of {cell['calls']} not the right one"
            self._line(
                f"{what:<24}{explained['first']:>18.1f}{explained['later']:>10.1f}"
                f"{called['first']:>14.1f}{called['later']:>10.1f}{wrong if cell['wrong'] else ''}"
            )
            self._budget(explained["first"], matching.MISS_BUDGET_MS, f"first miss, {what}", " ms")
        self._rules(result["rules"])
        many = f"{result['matched_among']:,} recordings"
        loose = result["loose"]
        if "error" in loose:
            self._line(f"loose hits  {loose['error']}")
        else:
            self._line(
                f"a loose hit among {many}: first {loose['first_ms']:.1f} ms, later"
                f" {loose['later_ms']:.2f} ms; an exact one {loose['exact_ms']:.2f} ms"
            )
        closing = result["closing"]
        if "error" in closing:
            self._line(f"closing  {closing['error']}")
        else:
            self._line(
                f"at the end, of {closing['calls']} changed requests recorded anew, among"
                f" {result['missed_among']:,}: {closing['explained']} explained in {closing['ms']:,.0f} ms"
            )
            limit = matching.CLOSING_BUDGET_MS + matching.MISS_BUDGET_MS
            self._budget(closing["ms"], limit, "explaining what was recorded anew", " ms")

    def _rules(self, rules: dict[str, Any]) -> None:
        if "error" in rules:
            self._line(f"rules  {rules['error']}")
            return
        hits = {name: cell["us"] for name, cell in rules["cells"].items()}
        self._line("")
        self._line(f"{'rules, in µs':<24}" + "".join(f"{name:>13}" for name in hits))
        for what, row in (("a key", rules["key_us"]), ("a hit through httpx2", hits)):
            if None in row.values():
                self._line(f"{what:<24}{'-':>13}")
                continue
            self._line(f"{what:<24}" + "".join(f"{us:>13.1f}" for us in row.values()))
            for text, us in matching.per_rule(row).items():
                self._budget(us, matching.RULE_BUDGET_US, f"{what}, {text}", " µs")
        self._line("")

    def _stores(self, rows: list[dict[str, Any]]) -> None:
        self._title(
            f"7. A shared cassette of {rows[0]['size']:,} chats, streamed and not: ms, best (median)"
        )
        head = ("round trip", "first", "later", "changed", "adding one")
        self._line(
            f"{'store':<9}" + "".join(f"{one:>16}" for one in head) + f"{'packed':>9}{'unalike':>9}"
        )
        for row in rows:
            if "error" in row:
                self._line(f"{row['store']:<9}  {row['error']}")
                continue
            best, middle = row["best_ms"], row["median_ms"]
            cells = (
                f"{best[what]:.2f} ({middle[what]:.2f})"
                for what in ("ping", "first", "later", "changed", "append")
            )
            text = "".join(f"{one:>16}" for one in cells)
            self._line(f"{row['store']:<9}{text}{row['ratio']:>9.1%}{row['ratio_unalike']:>9.1%}")
            name = f"{row['store']}, {row['size']:,} chats"
            for which in ("first", "later") if row["store"] in stores.BUDGETED else ():
                above = best[which] - best["ping"]
                self._budget(above, stores.OPEN_BUDGET_MS, f"{which} opening, {name}", " ms")
            self._budget(row["ratio"], stores.SIZE_BUDGET, f"packed, {name}", " x plain")
        self._line(
            "packed: of the plain size; unalike: the same where no two have a sentence in common"
        )

    def _million(self, rows: list[dict[str, Any]]) -> None:
        few, many = rows[0]["sizes"]
        self._title(f"8. A store with {few:,} interactions and one with {many:,}: ms, median")
        self._line(f"{'store':<9}{'open: few':>12}{'many':>10}{'adding one: few':>20}{'many':>10}")
        for row in rows:
            if "error" in row:
                self._line(f"{row['store']:<9}  {row['error']}")
                continue
            opened, added = row["open"], row["append"]
            self._line(
                f"{row['store']:<9}{opened[str(few)]:>12.2f}{opened[str(many)]:>10.2f}"
                f"{added[str(few)]:>20.2f}{added[str(many)]:>10.2f}"
                f"   filled in {row['filled_s']:.0f} s"
            )
            for what, by_size in (("open", opened), ("append", added)):
                times = by_size[str(many)] / by_size[str(few)]
                self._budget(times, million.BUDGET, f"{what}, {row['store']}, {many:,}", " x few")

    def _vcr(self, result: dict[str, Any]) -> None:
        self._title("9. Opening a cassette of vcrpy in YAML: ms")
        if "error" in result:
            self._line(f"-  {result['error']}")
            return
        self._line(f"{result['size']:,} recordings, {result['mb']:.1f} MB")
        for way in vcr_files.WAYS:
            cell = result[way]
            if "error" in cell:
                self._line(f"{way:<30}  {cell['error']}")
                continue
            self._line(f"{way:<30}{cell['ms']:>10,.1f}")
            if way != "vcrpy" and result["size"] == vcr_files.SIZE:
                what = f"opening vcrpy's YAML, {way}"
                self._budget(cell["ms"], vcr_files.BUDGET_MS, what, " ms")

    def _budget(self, value: float, limit: float, what: str, unit: str) -> None:
        met = value <= limit
        self.budgets.append(
            {
                "what": what,
                "value": value,
                "limit": limit,
                "met": met,
                "verdict": "MET" if met else "NOT MET",
                "text": f"{what:<38}{value:>9.2f}{unit} (at most {limit:g})",
            }
        )

    def _title(self, text: str) -> None:
        self._line(f"\n{text}\n{'-' * len(text)}")

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def _flush_notes(self) -> None:
        for note in self._notes:
            self._line(f"  - {note}"[:110])
        self._notes.clear()

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _times(ratio: float | None, width: int) -> str:
    if ratio is None:
        return f"{'-':>{width}}"
    return f"{ratio:>{width - 1}.{2 if ratio < 100 else 0}f}x"
