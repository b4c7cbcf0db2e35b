// A real engine with a client of it, for tests that run once on Docker and once on Podman.
#pragma once

#include "engine_process.hpp"
#include "plugins/docker/engine/client.hpp"
#include "tests/support/asio_loop.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::test {

namespace engine = agenthost::docker::engine;

class Engine : public testing::TestWithParam<EngineProcess::Kind> {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root: a container engine of the test's own";
        process_ = std::make_unique<EngineProcess>(GetParam(), engine_arguments_);
        client_ =
            std::make_unique<engine::Client>(io_, engine::Client::Options{.socket = process_->socket()});
    }

    template <class Value, class Call> engine::Result<Value> result(Call call)
    {
        return result_of<engine::Result<Value>>(io_, call);
    }
    // The value, or an exception with the error's text.
    template <class Value, class Call> Value value(Call call)
    {
        auto out = result<Value>(call);
        if (!out) throw std::runtime_error{out.error().text};
        return std::move(out.value());
    }

    // A container that runs `script` with an open standard input.
    [[nodiscard]] std::string body(const std::string& script, bool tty = false) const
    {
        return R"({"Image":")" + process_->image() + R"(","Cmd":["/bin/sh","-c",")" + script +
               R"("],"OpenStdin":true,"AttachStdin":true,"Tty":)" + (tty ? "true" : "false") +
               R"(,"Labels":{"agenthost.server":"7"},"HostConfig":{"NetworkMode":"none","Ulimits":[)"
               R"({"Name":"nofile","Soft":1024,"Hard":1024},{"Name":"nproc","Soft":1024,"Hard":1024}])" +
               (process_->podman()
                    ? ""
                    : R"(,"LogConfig":{"Type":"local","Config":{"compress":"false")" + log_options_ + "}}") +
               "}}";
    }
    void create(const std::string& name, const std::string& script, bool tty = false)
    {
        value<engine::Created>([&](auto then) { client_->create(name, body(script, tty), std::move(then)); });
    }
    void start(const std::string& name)
    {
        value<engine::Started>([&](auto then) { client_->start(name, std::move(then)); });
    }
    engine::ContainerFacts inspect(const std::string& name)
    {
        return value<engine::ContainerFacts>([&](auto then) { client_->inspect(name, std::move(then)); });
    }
    engine::Exit stop(const std::string& name, std::chrono::milliseconds grace = std::chrono::seconds{5})
    {
        return value<engine::Exit>(
            [&](auto then) { client_->stop(name, "SIGTERM", grace, std::move(then)); });
    }
    void remove(const std::string& name)
    {
        value<engine::Removed>([&](auto then) { client_->remove(name, {.force = true}, std::move(then)); });
    }

    std::vector<std::string> engine_arguments_;
    std::string log_options_; // of Docker: R"(,"max-size":"5m")"

    boost::asio::io_context io_;
    std::unique_ptr<EngineProcess> process_;
    std::unique_ptr<engine::Client> client_;
};

} // namespace agenthost::test
