#include "client/report/compare.hpp"

#include "client/foreign_text.hpp"
#include "client/report/facts.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace chat::load {

namespace {

struct paint {
    std::string_view on;
    std::string_view off;
};

paint paint_for(const report& run, bool colours) {
    if (!colours)
        return {};
    const bool unclear = run.outcome == verdict::starved || was_interrupted(run);
    if (run.outcome == verdict::alive && !unclear)
        return {"\x1b[1;32m", "\x1b[0m"};
    return {unclear ? "\x1b[1;33m" : "\x1b[1;31m", "\x1b[0m"};
}

std::string in_capitals(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string table_row(std::string_view label, std::string_view left, std::string_view right,
                      const paint& on_left = {}, const paint& on_right = {}) {
    return fmt::format("  {:<20}  {}{:>16}{}  {}{:>16}{}\n", label, on_left.on, visible(left),
                       on_left.off, on_right.on, visible(right), on_right.off);
}

} // namespace

report read_report_file(const std::string& path) {
    std::ifstream file{path};
    if (!file)
        throw std::runtime_error{fmt::format("cannot read '{}'", path)};
    std::ostringstream text;
    text << file.rdbuf();
    try {
        auto run = report_from_json(text.str());
        run.name = std::filesystem::path{path}.stem().string();
        return run;
    } catch (const std::exception& error) {
        throw std::runtime_error{fmt::format("'{}' is {}", path, error.what())};
    }
}

std::string compare(const report& left, const report& right, bool colours) {
    auto text = "\n" + table_row("", in_capitals(outcome_in_words(left)),
                                 in_capitals(outcome_in_words(right)), paint_for(left, colours),
                                 paint_for(right, colours));
    text += fmt::format("  {:─<56}\n", "");
    const auto left_facts = facts(left);
    const auto right_facts = facts(right);
    for (std::size_t i = 0; i < left_facts.size(); ++i)
        text += table_row(left_facts[i].label, left_facts[i].value, right_facts[i].value);
    return text + "\n";
}

} // namespace chat::load
