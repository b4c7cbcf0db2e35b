// A process to be killed: hosts the real storage.so and uploads, replaces and deletes files without end,
// saying what it begins and what was acknowledged, in a file (which survives kill -9) and as marks for the
// power-cut shim.
//
//   storage_driver FOLDER URL SAYINGS SEED OPERATIONS     OPERATIONS 0: until killed
//   storage_driver --plain careless|careful FOLDER COUNT  writes files itself, without or with the syncs they need: proves the shim
#include "../box.hpp"

#include <agenthost/testing/fake_host.hpp>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace {

using namespace agenthost::test;

int sayings = -1;

void say(const std::string& text)
{
    using Mark = void (*)(const char*);
    static const auto mark = reinterpret_cast<Mark>(::dlsym(RTLD_DEFAULT, "powercut_mark"));
    if (mark) mark(text.c_str());
    if (sayings >= 0 && ::write(sayings, (text + "\n").data(), text.size() + 1) < 0) ::abort();
}

void one_operation(Box& box, const std::string& url, const std::string& id, std::mt19937& random)
{
    if (random() % 5 == 0) {
        say("begin " + id + " -");
        const auto reply = box.remove(id);
        say((reply.ok() || reply.code() == "FILE_NOT_FOUND" ? "ack " : "fail ") + id + " -");
        return;
    }
    const unsigned seed = random();
    const std::size_t size = random() % 8 == 0 ? random() % 1'000'000 : random() % 60'000;
    const std::string sha = sha256_hex(random_bytes(size, seed));
    Json info = Json::object();
    if (random() % 2) info["size"] = size;
    if (random() % 2) info["sha256"] = sha;
    say("begin " + id + " " + sha);
    const auto reply = box.upload(id, url + "/" + std::to_string(seed) + "/" + std::to_string(size), info);
    say((reply.ok() ? "ack " : "fail ") + id + " " + sha);
}

int plain(bool careful, const std::string& folder, int count)
{
    const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < count; ++i) {
        const std::string name = "f" + std::to_string(i), temp = name + ".tmp",
                          content = random_bytes(3000, static_cast<unsigned>(i));
        const int fd = ::openat(dir, temp.c_str(), O_WRONLY | O_CREAT, 0600);
        if (::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size())) return 1;
        if (careful) ::fsync(fd);
        ::close(fd);
        ::renameat(dir, temp.c_str(), dir, name.c_str());
        if (careful) ::fsync(dir);
        say("ack " + name + " " + sha256_hex(content));
    }
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> args{argv + 1, argv + argc};
    if (args.size() == 4 && args[0] == "--plain")
        return plain(args[1] == "careful", args[2], std::stoi(args[3]));
    if (args.size() != 5) return 2;
    sayings = ::open(args[2].c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    Box box{{{"max_transfers", 3}}, args[0]};
    const unsigned seed = static_cast<unsigned>(std::stoul(args[3]));
    const long operations = std::stol(args[4]);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random{seed * 31 + t};
            for (long i = 0; operations == 0 || i < operations;
                 ++i) // ids of its own: one operation at a time on each
                one_operation(box, args[1], "file-" + std::to_string(t) + "-" + std::to_string(random() % 4),
                              random);
        });
    }
    for (auto& thread : threads) thread.join();
    return 0;
}
