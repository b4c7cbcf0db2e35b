// The inputs and effects of a server's machine (machine.hpp): plain values.
#pragma once

#include "record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::docker::server {

using std::chrono::milliseconds;

enum class State { offline, installing, install_failed, starting, running, stopping, crashed, stuck };

enum class Timer { answer, stop, kill, backoff, retry, install };
constexpr int timers = 6;

std::string_view to_string(State);
std::string_view to_string(Action); // "start_server"
std::string_view to_string(Timer);

using CallNumber = std::uint64_t; // 0: no call

// What the engine, or the file system, is asked to do. Every call has a deadline, and is answered by one Done
// (inspect: Seen) with its number. All may be repeated.
enum class Verb {
    inspect,          // of the server's container and the installer's
    check_ports,      // ok when nobody else holds a host port of the server, or when that cannot be known
    pull,             // as the node's pull policy says; ok when the image is there
    create,           // configuration edits; a container with this specification, the old one removed
    start,            //
    signal,           // `text` is the signal
    type,             // `text` is a line for the server's stdin
    kill,             // SIGKILL
    pull_installer,   //
    run_installer,    // removes an older installer, creates and starts a new one
    remove_installer, // by force, after its log was read; ok if it does not exist
    remove_all,       // both containers, by force; ok if they do not exist
    remove_files,     // the server's folder
};
std::string_view to_string(Verb);

// `not_found`: the container does not exist or does not run. `deadline`: the outcome is unknown.
enum class Outcome { ok, not_found, failed, deadline };

// A container as inspect shows it. Paused and restarting ones are `running`; dead ones and ones that are
// being removed are `exited`.
enum class Container { absent, created, running, exited };

struct ContainerFacts {
    Container is = Container::absent;
    std::string run; // container id and StartedAt: differs for each start
    int exit_code = 0;
    bool oom = false;
};

struct Facts {
    ContainerFacts server, installer;
};

// Inputs ------------------------------------------------------------------------------------------------

struct Power {
    std::string id; // answered exactly once
    Action action = Action::start;
    StopOptions stop = {};   // stop and restart
    bool then_start = false; // install
};
// The caller no longer waits.
struct Cancel {
    std::string id;
};
struct Done {
    CallNumber call = 0;
    Outcome outcome = Outcome::ok;
    Problem problem;
};
struct Seen {
    CallNumber call = 0;
    Outcome outcome = Outcome::ok;
    Facts facts;
    Problem problem;
};
struct EngineEvent {}; // the engine reports an event of one of the containers
struct Oom {};         // the kernel killed a process of the server
struct Ready {};       // the console printed the done line
struct Fired {
    Timer timer = Timer::answer;
};
struct Away {}; // the engine does not answer; calls in flight are void
struct Back {
    bool restarted = false; // since it was last seen, by us or by an earlier agent
};

using Input = std::variant<Power, Cancel, Done, Seen, EngineEvent, Oom, Ready, Fired, Away, Back>;

// Effects, to be carried out in order ----------------------------------------------------------------------

// To be durable before the next effect.
struct Save {
    Record record;
};
struct Call {
    CallNumber number = 0;
    Verb verb = Verb::inspect;
    std::string text;
};
struct CancelPull { // its Done is ignored
    CallNumber call = 0;
};
struct Arm { // replaces the timer of this kind
    Timer timer = Timer::answer;
    milliseconds after{0};
};
struct Disarm {
    Timer timer = Timer::answer;
};
// `refused`: nothing was done, the id may run again. `ok` with a message: the message says what it waits for.
enum class Verdict { ok, refused, failed, cancelled };
struct Answer {
    std::string id;
    Verdict verdict = Verdict::ok;
    Problem problem;
    // What a waiting action will do; absent: the state of the machine.
    std::optional<State> status = {};
    std::uint64_t action = 0; // its number (record.hpp); 0: refused
};
struct StateChanged {
    State previous = State::offline, current = State::offline;
    Problem reason;           // `message` alone when nothing is wrong
    std::uint64_t action = 0; // that led to it (record.hpp); 0: none
};
struct Note { // a warning for people
    std::string message;
};
struct Gone {}; // deleted; the machine takes no more inputs

using Effect = std::variant<Save, Call, CancelPull, Arm, Disarm, Answer, StateChanged, Note, Gone>;

} // namespace agenthost::docker::server
