// A real SQLite connection, in memory, whose inserts take 200 ms, as on a slow disk. SQLite's calls block
// the thread. The connection is opened without SQLite's own lock, so one thread at a time may use it.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace workshop {

class database {
public:
    static constexpr std::chrono::milliseconds disk{200};

    database() {
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        demand(::sqlite3_open_v2(":memory:", &connection_, flags, nullptr));
        demand(::sqlite3_create_function(connection_, "slow_disk", 0, SQLITE_UTF8, nullptr,
                                         &slow_disk, nullptr, nullptr));
        demand(::sqlite3_exec(connection_, "create table orders(id integer primary key, what text)",
                              nullptr, nullptr, nullptr));
    }

    ~database() { ::sqlite3_close(connection_); }

    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// Blocks the calling thread for as long as the disk takes. Returns the order's number.
    int insert(const std::string& what) {
        if (users_.fetch_add(1) != 0)
            met_ = true; // does not touch SQLite: that would be a data race
        else
            run_insert(what);
        last_thread_ = std::this_thread::get_id();
        --users_;
        return ++inserted_;
    }

    /// True if two threads were in insert() at the same time.
    bool two_threads_met() const { return met_; }

    std::thread::id last_thread() const { return last_thread_; }

    int inserted() const { return inserted_; }

private:
    static void slow_disk(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
        std::this_thread::sleep_for(disk);
        ::sqlite3_result_int(context, 0);
    }

    void run_insert(const std::string& what) {
        sqlite3_stmt* statement = nullptr;
        demand(::sqlite3_prepare_v2(connection_,
                                    "insert into orders(what) select ? where slow_disk() = 0", -1,
                                    &statement, nullptr));
        ::sqlite3_bind_text(statement, 1, what.c_str(), -1, SQLITE_TRANSIENT);
        const int result = ::sqlite3_step(statement); // the thread waits here
        ::sqlite3_finalize(statement);
        demand(result == SQLITE_DONE ? SQLITE_OK : result);
    }

    static void demand(int result) {
        if (result != SQLITE_OK)
            throw std::runtime_error{::sqlite3_errstr(result)};
    }

    sqlite3* connection_ = nullptr;
    std::atomic<int> users_ = 0;
    std::atomic<int> inserted_ = 0;
    std::atomic<bool> met_ = false;
    std::atomic<std::thread::id> last_thread_;
};

} // namespace workshop
