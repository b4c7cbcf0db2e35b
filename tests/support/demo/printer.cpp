// A network printer for ./dev demo: listens on loopback, writes its port to FILE.port and what it received to FILE, until it is killed.
#include "../network_printer.hpp"
#include "../support.hpp"

#include <cstdio>
#include <string>
#include <thread>

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::fputs("usage: demo-printer FILE\n", stderr);
        return 2;
    }
    const std::string file = argv[1];
    agenthost::test::NetworkPrinter printer{{}};
    agenthost::test::write_file(file + ".port", std::to_string(printer.port()));
    for (std::string written;;) {
        std::string received = printer.received();
        if (received != written) agenthost::test::write_file(file, received);
        written = std::move(received);
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
}
