// Moves a command's bytes: reads its output into channels, and writes input to its standard
// input. Loop thread.
//
// Readers may hold the command back: then nothing is read until they let go, and the command waits at a full
// pipe.
//
// More than 25 members: three descriptors are watched, paused and closed together.
#pragma once

#include "loop.hpp"
#include "output_storage.hpp"
#include "process.hpp"
#include "readers.hpp"
#include "stdin_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace agenthost::terminal {

class CommandIo {
public:
    // `watcher` forwards the loop's events for the process's descriptors. `ring`: bytes of each output's
    // ring. All outlive it.
    CommandIo(Loop& loop, Watcher& watcher, Readers& readers, OutputStorage& storage, std::uint64_t ring)
        : loop_{loop}, watcher_{watcher}, readers_{readers}, storage_{storage}, ring_{ring}
    {}

    // The process has started. `text`: its first input; `ends`: no more input follows.
    void open(Process&, std::string text, bool ends);
    void ready(int fd, std::uint32_t events);
    void watch();  // registers the descriptors that are needed now
    bool drain();  // reads what is in the pipes now; false: readers hold it back
    void close();  // there will be no more
    void forget(); // before the process is destroyed

    [[nodiscard]] StdinResult add(const InputParams&, bool running, std::string& why);
    [[nodiscard]] std::uint64_t typed() const { return stdin_.count(); }
    [[nodiscard]] std::uint64_t bytes() const; // of all output
    [[nodiscard]] const Outputs& outputs() const { return outputs_; }

private:
    void read(base::Fd&, std::size_t channel);
    void write();
    void close(base::Fd&);

    Loop& loop_;
    Watcher& watcher_;
    Readers& readers_;
    OutputStorage& storage_;
    const std::uint64_t ring_;
    Process* process_ = nullptr;
    Outputs outputs_;
    StdinBuffer stdin_;
};

} // namespace agenthost::terminal
