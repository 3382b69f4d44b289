"""Draws the panels of a Grafana dashboard as one SVG, for `picture`: each at its `gridPos`, light and dark."""

import math
import re
from xml.sax.saxutils import escape

WIDTH, MARGIN, GAP, UNIT, TOP = 1200, 16, 8, 33, 92
COLUMN = (WIDTH - 2 * MARGIN) / 24
LIGHT = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#1b7c83", "#59636e"]
DARK = ["#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#f778ba", "#d29922", "#39c5cf", "#9198a1"]
STYLE = """
text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
.head { font-size: 20px; font-weight: 600 } .row { font-size: 15px; font-weight: 600 }
.title { font-size: 13px; font-weight: 600 } .soft { fill: #59636e } .value { font-size: 30px; font-weight: 600 }
.page { fill: #f6f8fa } .panel { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0; stroke-width: 1 }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round } .area { stroke: none }
"""
DARK_STYLE = """
text { fill: #e6edf3 } .soft { fill: #9198a1 }
.page { fill: #010409 } .panel { fill: #0d1117; stroke: #3d444d } .grid { stroke: #2a313c }
"""


def dashboard(title, notes, panels, seconds):
    """`panels` are the dashboard's, each with its `series`: legend and [(second, value)]."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    height = TOP + bottom * UNIT + MARGIN
    lines = [line for note in notes for line in wrapped(note, WIDTH - 2 * MARGIN)]
    colours = "".join(f".c{n} {{ stroke: {c} }} .f{n} {{ fill: {c} }}\n" for n, c in enumerate(LIGHT))
    dark = "".join(f".c{n} {{ stroke: {c} }} .f{n} {{ fill: {c} }}\n" for n, c in enumerate(DARK))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape(" ".join(notes))} {escape(" ".join(map(told, panels)))}</desc>',
        f"<style>{STYLE}{colours}@media (prefers-color-scheme: dark) {{{DARK_STYLE}{dark}}}\n</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        text(MARGIN, 32, title, "head"),
        *(text(MARGIN, 54 + 18 * n, line, "soft") for n, line in enumerate(lines)),
    ]
    for panel in panels:
        out += drawn(panel, seconds)
    return "\n".join(out) + "\n</svg>\n"


def told(panel):
    if panel["type"] == "row":
        return ""
    highest = (f"{legend} up to {shown(max(v for _, v in points), panel)}" for legend, points in panel["series"])
    return f'{panel["title"]}: {", ".join(highest) or "no data in this run"}.'


def drawn(panel, seconds):
    place = panel["gridPos"]
    x, y = MARGIN + place["x"] * COLUMN + GAP / 2, TOP + place["y"] * UNIT
    width, height = place["w"] * COLUMN - GAP, place["h"] * UNIT - GAP
    if panel["type"] == "row":
        return [text(x, y + 22, panel["title"], "row")]
    out = [f'<rect class="panel" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="4"/>',
           text(x + 12, y + 21, panel["title"], "title")]
    lines = wrapped(panel["description"], width - 24)
    out += [text(x + 12, y + 38 + 14 * n, line, "soft") for n, line in enumerate(lines)]
    top = y + 38 + 14 * len(lines)
    if not panel["series"]:
        return out + [text(x + width / 2, (top + y + height) / 2, "no data in this run", "soft", "middle")]
    body = stat if panel["type"] == "stat" else plot
    return out + body(panel, (x, top, width, y + height - top), seconds)


def stat(panel, box, _):
    x, y, width, height = box
    out, step = [], height / len(panel["series"])
    for n, (legend, points) in enumerate(panel["series"]):
        middle = y + step * (n + 0.5)
        out.append(text(x + width / 2, middle, shown(points[-1][1], panel), f"value f{n % len(LIGHT)}", "middle"))
        out.append(text(x + width / 2, middle + 20, legend, "soft", "middle"))
    return out


def plot(panel, box, seconds):
    x, y, width, height = box
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stacked = custom["stacking"]["mode"] == "normal"
    series = [(legend, dict((round(at), value) for at, value in points)) for legend, points in panel["series"]]
    series, rows = legible(series, width - 24)
    left_out = len(panel["series"]) - len(series)
    bases, highest = [], 0
    total = dict.fromkeys(range(seconds + 1), 0.0)
    for _, points in series:
        bases.append(dict(total) if stacked else dict.fromkeys(total, 0.0))
        for at, value in points.items():
            total[at] = total[at] + value if stacked else value
            highest = max(highest, total[at])
    if left_out:
        rows.append([(None, f"{left_out} lower ones, or at 0, are left out", 0)])
    upper, lower = y + 2, y + height - 30 - 15 * len(rows)
    step = nice(highest / (4 if lower - upper > 70 else 2))
    ticks = [step * n for n in range(max(1, math.ceil(highest / step - 1e-9)) + 1)]
    left, right = x + 14 + max(wide(shown(tick, panel, step)) for tick in ticks), x + width - 24
    across = lambda at: left + 6 + (right - left - 6) * at / seconds
    up = lambda value: lower - (lower - upper) * value / ticks[-1]
    out = []
    for tick in ticks:
        out.append(f'<path class="grid" d="M{left + 6:.1f} {up(tick):.1f} H{right:.1f}"/>')
        out.append(text(left, up(tick) + 4, shown(tick, panel, step), "soft", "end"))
    for at in range(0, seconds + 1, 20):
        out.append(text(across(at), lower + 15, f"{at} s", "soft", "middle"))
    for n, (_, points) in enumerate(series):
        out += lines(n, points, bases[n], across, up, custom, stacked)
    for row, entries in enumerate(rows):
        level = y + height - 15 * (len(rows) - row) + 5
        for n, legend, offset in entries:
            at = x + 12 + offset
            if n is None:
                out.append(text(at, level, legend, "soft"))
                continue
            out.append(f'<path class="line c{n % len(LIGHT)}"{dash(n)} d="M{at:.1f} {level - 4:.1f} h14"/>')
            out.append(text(at + 19, level, legend))
    return out


def lines(n, points, base, across, up, custom, stacked):
    """A line for each range without a gap, and the area below it."""
    out, stretch = [], []
    for at in [*sorted(points), None]:
        if stretch and at != stretch[-1] + 1:
            over = [f"{across(s):.1f} {up(points[s] + (base[s] if stacked else 0)):.1f}" for s in stretch]
            under = [f"{across(s):.1f} {up(base[s]):.1f}" for s in reversed(stretch)]
            colour = n % len(LIGHT)
            if custom["fillOpacity"]:
                shape = "M" + " L".join(over + under) + " Z"
                out.append(f'<path class="area f{colour}" opacity="{custom["fillOpacity"] / 100}" d="{shape}"/>')
            shape = "M" + " L".join(over) + (" h0.1" if len(over) == 1 else "")
            out.append(f'<path class="line c{colour}"{dash(n)} d="{shape}"/>')
            stretch = []
        stretch.append(at)
    return out


def dash(n):
    return ' stroke-dasharray="4 2"' if n >= len(LIGHT) else ""


def legible(series, width):
    """The highest series, as many as fit into a legend of four rows, and these rows."""
    by_peak = sorted(series, key=lambda one: max(one[1].values()))
    while len(rows := legend_rows([legend for legend, _ in series], width)) > 4:
        series = [one for one in series if one is not by_peak[0]]
        by_peak.pop(0)
    return series, rows


def legend_rows(legends, width):
    rows, offset = [[]], 0
    for n, legend in enumerate(legends):
        needed = wide(legend) + 33
        if rows[-1] and offset + needed > width:
            rows.append([])
            offset = 0
        rows[-1].append((n, legend, offset))
        offset += needed
    return rows


def wrapped(words, width):
    """The lines of a legend; a long name is split after an underscore."""
    parts = []
    for word in words.split():
        parts += re.findall(r"[^_]+_?", word + " ") if wide(word) > width else [word + " "]
    out = [""]
    for part in parts:
        if out[-1] and wide((out[-1] + part).rstrip()) > width:
            out.append("")
        out[-1] += part
    return [line.rstrip() for line in out]


def wide(words):
    """The text's width at 11 px, an upper estimate for most fonts."""
    return sum(8 if letter.isupper() or letter in "m%" else 6.3 for letter in words)


def nice(step):
    """Rounds up to 1, 2 or 5 times a power of ten."""
    if step <= 0:
        return 1
    power = 10 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)


def shown(value, panel, step=None):
    """Formats a value with the panel's unit, as Grafana does."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if unit == "s":
        milli = max(value, step or 0) < 1
        return number(value * 1000 if milli else value) + (" ms" if milli else " s")
    if unit == "d":
        for factor, name in ((1, "days"), (24, "hours"), (1440, "min")):
            if value * factor >= 1:
                break
        return f"{number(value * factor)} {name}"
    return {"reqps": f"{number(value)} req/s", "percentunit": f"{number(value * 100)} %"}.get(unit, number(value))


def number(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def text(x, y, words, kind="", anchor=""):
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{anchor}>{escape(words)}</text>'
