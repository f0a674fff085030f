#include "client/report/page.hpp"

#include "client/foreign_text.hpp"
#include "client/report/facts.hpp"
#include "client/report/summary.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace chat::load {

namespace {

constexpr std::string_view head = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chat-load</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --paper: #f6f7f9; --card: #fff;
        --line: #dfe3e8; --sent: #b46a00; --delivered: #1f6feb; --silence: #d1242f22;
        --alive: #1a7f37; --starved: #9a6700; --frozen: #cf222e; }
@media (prefers-color-scheme: dark) {
:root { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --card: #161b22; --line: #30363d;
        --sent: #e3a04f; --delivered: #58a6ff; --silence: #f8514933;
        --alive: #3fb950; --starved: #d29922; --frozen: #f85149; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 1rem; }
/* The rows of two runs line up side by side. */
section { display: grid; grid-row: span 6; grid-template-rows: subgrid; margin-bottom: 1rem;
          background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1.2rem 1.5rem; }
h1 { font-size: 1rem; color: var(--soft); font-weight: 500; }
h2 { margin: 0 0 .4rem; font-size: 1.5rem; line-height: 1.25; }
h3 { margin: 1.4rem 0 .3rem; font-size: .95rem; }
.alive { color: var(--alive); } .starved, .interrupted { color: var(--starved); } .frozen, .gone { color: var(--frozen); }
ul { margin: 0; padding-left: 1.2rem; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; color: var(--soft); }
td { text-align: right; }
th, td { padding: .2rem 0; border-bottom: 1px solid var(--line); }
svg { width: 100%; height: 11rem; display: block; border-bottom: 1px solid var(--line); }
.delivered { fill: var(--delivered); }
.in-flight { fill: none; stroke: var(--sent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.silence { fill: var(--silence); }
.ends { display: flex; justify-content: space-between; color: var(--soft); font-size: .8rem; }
.key { display: flex; flex-wrap: wrap; gap: .2em 1.2em; margin: .6rem 0 0; color: var(--soft); font-size: .85rem; }
.key span::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; }
.key .bar::before { background: var(--delivered); } .key .line::before { background: var(--sent); }
.key .gap::before { background: var(--silence); }
</style>
<h1>chat-load</h1>
<main>
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : visible(text)) {
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            out += fmt::format("&#{};", static_cast<int>(c));
        else
            out += c;
    }
    return out;
}

/// Maps a run's values to positions in the chart.
struct scale {
    static constexpr double width = 600, height = 180;

    double last_ms = 1;
    double interval_ms = 0; ///< width of a bar; the last bar may be narrower
    std::uint64_t most_delivered = 0;
    std::uint64_t most_in_flight = 0;

    explicit scale(const report& run) {
        if (!run.timeline.empty())
            interval_ms = run.timeline.front().t_ms;
        for (const auto& p : run.timeline) {
            last_ms = std::max(last_ms, p.t_ms);
            most_delivered = std::max(most_delivered, p.delivered);
            most_in_flight = std::max(most_in_flight, p.in_flight);
        }
    }

    double x(double ms) const { return width * std::min(ms / last_ms, 1.0); }

    /// Puts the highest value at the top.
    static double y(std::uint64_t value, std::uint64_t most) {
        return height - height * static_cast<double>(value) /
                            static_cast<double>(std::max<std::uint64_t>(most, 1));
    }
};

std::string bars(const report& run, const scale& s) {
    std::string svg;
    double from = 0;
    for (const auto& p : run.timeline) {
        const auto top = scale::y(p.delivered, s.most_delivered);
        svg += fmt::format(
            R"(<rect class="delivered" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
            s.x(from), top, std::max(s.x(p.t_ms) - s.x(from) - 0.5, 0.5), scale::height - top);
        from = p.t_ms;
    }
    return svg;
}

std::string in_flight_line(const report& run, const scale& s) {
    std::string points;
    for (const auto& p : run.timeline)
        points +=
            fmt::format("{:.1f},{:.1f} ", s.x(p.t_ms), scale::y(p.in_flight, s.most_in_flight));
    return fmt::format(R"(<polyline class="in-flight" points="{}"/>)", points);
}

std::string silence(const report& run, const scale& s) {
    const auto& silent = run.froze ? run.froze : run.starved;
    if (!silent)
        return {};
    const auto from = s.x(silent->at_ms);
    return fmt::format(R"(<rect class="silence" x="{:.1f}" y="0" width="{:.1f}" height="{}"/>)",
                       from, s.x(silent->at_ms + silent->silent_ms) - from, scale::height);
}

std::string chart(const report& run) {
    const scale s{run};
    std::string svg;
    auto out = std::back_inserter(svg);
    fmt::format_to(out,
                   R"(<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img")"
                   R"( aria-label="deliveries over time">)",
                   scale::width, scale::height);
    svg += silence(run, s) + bars(run, s) + in_flight_line(run, s);
    fmt::format_to(out, "</svg>\n<div class=\"ends\"><span>0 s</span><span>{:.1f} s</span></div>\n",
                   s.last_ms / 1e3);
    fmt::format_to(out,
                   R"(<p class="key"><span class="bar">delivered, at most {} per {:.0f} ms</span>)"
                   R"(<span class="line">messages in flight, at most {}</span>)",
                   grouped(s.most_delivered), s.interval_ms, grouped(s.most_in_flight));
    if (run.froze || run.starved)
        svg += R"(<span class="gap">nothing arrived</span>)";
    return svg + "</p>";
}

std::string section(const report& run) {
    std::string html;
    auto out = std::back_inserter(html);
    fmt::format_to(out, "<section>\n<h2 class=\"{}\">{}</h2>\n<ul>\n",
                   escaped(outcome_in_words(run)), escaped(headline(run)));
    for (const auto& line : evidence_lines(run))
        fmt::format_to(out, "<li>{}</li>\n", escaped(line));
    fmt::format_to(out, "</ul>\n<h3>Over time</h3>\n<div>{}</div>\n<h3>Numbers</h3>\n<table>\n",
                   chart(run));
    for (const auto& fact : facts(run))
        fmt::format_to(out, "<tr><th>{}</th><td>{}</td></tr>\n", escaped(fact.label),
                       escaped(fact.value));
    return html + "</table>\n</section>\n";
}

} // namespace

std::string page(std::span<const report> runs) {
    std::string html{head};
    for (const auto& run : runs)
        html += section(run);
    return html + "</main>\n</html>\n";
}

} // namespace chat::load
