// A process to be killed: hosts the real printer.so, sends jobs and says what it was told, in a file that
// survives kill -9.
//
//   printer_driver STATE CONFIG SAYINGS COUNT LINES
//     sends the tasks 1 to COUNT, again those that have no outcome yet, half of CONFIG's queue_jobs at a time;
//     ends when all have one
#include "../box.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace {

using namespace agenthost::test;

std::set<int> ended(const std::string& sayings)
{
    std::set<int> out;
    std::ifstream in{sayings};
    for (std::string line; std::getline(in, line);) out.insert(std::atoi(line.c_str()));
    return out;
}

std::string outcome_of(const FakeReply& reply)
{
    const Json data = data_of(reply);
    if (reply.ok()) return data.value("outcome", "?");
    return data.value("data", Json::object()).value("outcome", data.value("code", "?"));
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 6) return 2;
    const std::string sayings = argv[3];
    const int count = std::atoi(argv[4]), lines = std::atoi(argv[5]);
    const std::set<int> done = ended(sayings);
    const int out = ::open(sayings.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    PrinterBox box{argv[1], Json::parse(argv[2])};
    const Json config = Json::parse(argv[2]);
    std::map<int, agh_req> waiting;
    const auto hear = [&] {
        const auto [task, request] = *waiting.begin();
        const FakeReply reply = box.host().wait_reply(request, std::chrono::minutes{5});
        const std::string line = std::to_string(task) + " " + outcome_of(reply) + "\n";
        if (::write(out, line.data(), line.size()) < 0) std::abort();
        waiting.erase(task);
    };
    for (int task = 1; task <= count; ++task) {
        if (done.contains(task)) continue;
        if (waiting.size() == config.value("queue_jobs", std::size_t{1'000}) / 2) hear();
        std::string text = "receipt " + std::to_string(task) + "\n";
        for (int line = 0; line < task % 7 * lines; ++line) text += "line " + std::to_string(line) + "\n";
        const auto printer = config["devices"][static_cast<std::size_t>(task) % config["devices"].size()];
        const Json params{{"printer", printer["alias"]}, {"data", base64_of(text)}, {"encoding", "base64"}};
        waiting[task] = box.begin("print", params, std::to_string(task));
    }
    while (!waiting.empty()) hear();
    return 0;
}
