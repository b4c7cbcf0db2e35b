// Serves all requests that are sent one command's output, each at its own pace. If the one that runs the
// command reads too slowly, the command is paused for a while; after that, and for the others immediately,
// the oldest output beyond Reader::max_lag is dropped. Loop thread.
//
// More than 25 members: holding back, dropping and ending concern all readers of a command together.
#pragma once

#include "loop.hpp"
#include "reader.hpp"

#include <list>
#include <string>
#include <string_view>

namespace agenthost::terminal {

class Readers {
public:
    // The command's functions that readers need. Called from the functions below and from timers.
    class Command {
    public:
        virtual ~Command() = default;
        [[nodiscard]] virtual std::string result(const Reader&, bool runs_it) const = 0; // a JSON object
        virtual void hold(bool) = 0; // pauses reading from the command
        virtual void reader_left() = 0;
    };

    // All three must outlive it. `stall_timeout`: how long the command is paused for a reader that accepts
    // nothing.
    Readers(Loop& loop, const Outputs& outputs, Command& command, Clock::duration stall_timeout)
        : loop_{loop}, outputs_{outputs}, command_{command}, stall_timeout_{stall_timeout}
    {}
    ~Readers();
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;

    Reader& add(Request, std::array<std::uint64_t, 2> from, std::uint64_t max); // the reference stays valid
    void runs_it(Reader& reader) { runner_ = &reader; }
    [[nodiscard]] Reader* runner() const { return runner_; } // null: it has disconnected
    [[nodiscard]] Reader* find(agh_req);
    [[nodiscard]] bool empty() const { return all_.empty(); }
    [[nodiscard]] bool held() const { return held_; }

    void serve();    // call for new output or a new reader
    void complete(); // no more output: answers each reader when it has received everything
    void writable(agh_req);
    void refuse(Reader&, std::string_view code, std::string_view why);
    void refuse_all(std::string_view code, std::string_view why, std::uint32_t how = 0);

private:
    void serve(Reader&);
    void hold_for(Reader&);
    void let_go();
    void answer(Reader&);
    void sweep(); // removes finished readers

    Loop& loop_;
    const Outputs& outputs_;
    Command& command_;
    const Clock::duration stall_timeout_;
    std::list<Reader> all_;
    Reader* runner_ = nullptr;
    bool held_ = false, complete_ = false;
};

} // namespace agenthost::terminal
