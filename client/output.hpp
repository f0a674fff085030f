// Output of results: a terminal, standard output, the files of --json and --html. Every write failure is
// detected and reported, and does not stop the other outputs.
#pragma once

#include <string>
#include <string_view>

namespace chat::load {

/// Opens descriptors 0, 1 and 2 if the program was started without them, so that no socket gets these
/// numbers. Ignores SIGPIPE and SIGXFSZ, so that writing to a closed pipe or beyond the file size limit is
/// an error and does not kill the program.
void prepare_standard_streams();

/// Writes the whole text. Throws std::runtime_error with the reason on failure.
void print(int descriptor, std::string_view text);

/// A report file. It is opened before the run, so that a wrong path fails at once and not after an hour of
/// measuring, and so that the reader of a named pipe sees a single open and a single end. An existing file
/// keeps its content until save(). `-` is standard output; an empty path means no report.
class report_file {
public:
    /// Throws std::runtime_error if the file cannot be written.
    explicit report_file(std::string path);
    report_file(const report_file&) = delete;
    report_file& operator=(const report_file&) = delete;
    ~report_file();

    bool is_wanted() const { return descriptor_ >= 0; }

    bool is_standard_output() const;

    /// Writes the report and closes the file. Throws std::runtime_error with the reason on failure.
    void save(std::string_view text);

private:
    std::string path_;
    int descriptor_ = -1;
};

} // namespace chat::load
