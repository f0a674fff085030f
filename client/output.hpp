// Where results go: a terminal, standard output, files of --json and --html. Every failure to write is
// noticed and told, and ends nothing else.
#pragma once

#include <string>
#include <string_view>

namespace chat::load {

/// True if this descriptor is a terminal that obeys escape sequences, and nobody asked for plain text:
/// TERM is set and not `dumb`, NO_COLOR (no-color.org) is not set or empty.
bool takes_escapes(int descriptor);

/// Keeps 0, 1 and 2 from becoming sockets if the program was started without them, and makes a write
/// that nobody can take an error instead of the end: a reader that left, a file at its size limit.
void prepare_standard_streams();

/// Writes all of it. Throws std::runtime_error that says why it could not.
void print(int descriptor, std::string_view text);

/// A file for a report, open from before the run until it is written: nobody measures for an hour and
/// then cannot save it, and the reader of a named pipe sees one opening and one end. What is there
/// stays until there is something to replace it. `-` is standard output, an empty path nothing at all.
class report_file {
public:
    /// Throws std::runtime_error if the file cannot be written.
    explicit report_file(std::string path);
    report_file(const report_file&) = delete;
    report_file& operator=(const report_file&) = delete;
    ~report_file();

    bool is_wanted() const { return descriptor_ >= 0; }

    bool is_standard_output() const;

    /// Writes the report and closes the file. Throws std::runtime_error that says why it could not.
    void save(std::string_view text);

private:
    std::string path_;
    int descriptor_ = -1;
};

} // namespace chat::load
