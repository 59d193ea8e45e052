"""Tables of scripts/bench, as text in columns or as Markdown to be pasted into the documentation."""


class Text:
    def table(self, heads, rows):
        rows = [heads, *rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


class Markdown:
    def table(self, heads, rows):
        lines = [heads, ["---"] * len(heads), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def share(value):
    return "" if value is None else f"{100 * value:.0f} %"


def date(report):
    return report["measured_at"].split("T")[0]


def engine(report, style):
    peers = report["peer"] is not None
    heads = ["configuration", "metric", "ours, tokens/s", *(["llama.cpp", "ratio"] if peers else []),
             "ours: of int8 peak", "of read bandwidth", *(["llama.cpp: of peak", "of bandwidth"] if peers else [])]
    rows = [[
        row["configuration"], row["metric"], number(row["ours"]),
        *([number(row.get("theirs")), number(row.get("ratio"), 2) + " x"] if peers else []),
        share(row["ours_of_peak"]), share(row.get("ours_of_read")),
        *([share(row.get("theirs_of_peak")), share(row.get("theirs_of_read"))] if peers else []),
    ] for row in report["results"]]
    other = f", llama-cpp-python {report['peer']['llama_cpp_python']}" if peers else ""
    parts = [
        f"{report['processor']}, {report['processors']} processors, {report['isa']}; {date(report)}, version "
        f"{report['version']}{other}; medians of {report['rounds']} interleaved rounds.",
        style.table(heads, rows)]
    if report["relative"]:
        parts.append(style.table(
            ["rate of", "over that of", "ours", *(["llama.cpp"] if peers else [])],
            [[row["of"], row["over"], number(row["ours"], 2), *([number(row.get("theirs"), 2)] if peers else [])]
             for row in report["relative"]]))
    parts.append(style.table(
        ["configuration", "int8 peak, GMAC/s", "read, GB/s", "resident at most, MB", "weights, MB", "loaded in, s"],
        [[name, number(limits["peak_gmacs"]), number(limits["read_gb_per_s"], 1),
          number(report["resident"][name]["peak_rss_bytes"] / 1e6),
          number(report["resident"][name]["weights_bytes"] / 1e6), number(report["resident"][name]["load_seconds"], 2)]
         for name, limits in report["limits"].items()]))
    parts += [f"Left out: {name}: {reason}." for name, reason in report["skipped"].items()]
    return "\n\n".join(parts)


def quality(report, style):
    heads = ["model", "engine", "rms logit error", "mean KL", "top-1 agreement", "perplexity", "against f32"]
    reference = report["reference_perplexity"]
    rows = [[report["model"], "f32 reference", "", "", "", number(reference, 3), ""]]
    for side, name in (("ours", "ours"), ("theirs", "llama.cpp")):
        row = report[side]
        rows.append([
            report["model"], name, number(row["rms_logit_error"], 4), number(row["mean_kl"], 5),
            f"{100 * row['top1_agreement']:.1f} %", number(row["perplexity"], 3),
            f"{100 * (row['perplexity'] / reference - 1):+.2f} %"])
    verdict = ", ".join(f"{name}: {'yes' if good else 'NO'}" for name, good in report["targets"].items())
    return "\n\n".join([
        f"{report['ours']['positions']} scored positions, context {report['context']}, {date(report)}, version "
        f"{report['version']}.", style.table(heads, rows), f"Targets: {verdict}."])
