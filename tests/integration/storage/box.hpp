// The real storage.so in a FakeHost, with a folder of its own.
#pragma once

#include "../../support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace agenthost::test {

using Json = nlohmann::json;
using testing::FakeCall;
using testing::FakeReply;

class Box {
public:
    // `config` is laid over: loopback admitted, nothing kept free, quick timeouts.
    explicit Box(const Json& config = Json::object(), std::filesystem::path folder = {})
        : folder_{std::move(folder)}
    {
        if (folder_.empty()) folder_ = dir_ / "storage";
        config_ = Json{{"storage_path", folder_.string()},
                       {"reserve_free", 0},
                       {"allow_private_networks", true},
                       {"idle_timeout", "5s"}};
        config_.update(config);
        restart();
    }

    void restart(const Json& config = Json::object())
    {
        host_.reset();
        config_.update(config);
        host_ = std::make_unique<testing::FakeHost>(
            testing::load_entry((plugin_dir() / "storage.so").string()), config_.dump());
        if (const auto began = host_->start(); !began.ok()) throw std::runtime_error{began.text};
    }

    testing::FakeHost& host() { return *host_; }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

    static Json upload_params(const std::string& id, const std::string& url,
                              const Json& info = Json::object())
    {
        Json file{{"id", id}, {"name", id + ".bin"}, {"owner_id", "user_1"}};
        file.update(info);
        return {{"file_info", file}, {"download_url", url}};
    }
    FakeReply upload(const std::string& id, const std::string& url, const Json& info = Json::object())
    {
        return wait(host_->invoke("storage.upload", upload_params(id, url, info).dump()));
    }
    FakeReply download(const std::string& id, const std::string& url, const std::string& method = "PUT")
    {
        return wait(host_->invoke("storage.download",
                                  Json{{"file_id", id}, {"upload_url", url}, {"method", method}}.dump()));
    }
    FakeReply remove(const std::string& id)
    {
        return wait(host_->invoke("storage.delete", Json{{"file_id", id}}.dump()));
    }
    Json info() { return Json::parse(host_->call("storage.info").json); }
    Json list(const Json& query = Json::object())
    {
        return Json::parse(host_->call("storage.list", query.dump()).json);
    }
    Json verify() { return Json::parse(wait(host_->invoke("storage.verify")).json); }
    FakeReply wait(agh_req id) { return host_->wait_reply(id, max_wait); }

    // Files below a folder of ours, with their sizes.
    [[nodiscard]] std::vector<std::filesystem::path> files(const char* part) const
    {
        std::vector<std::filesystem::path> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator{folder_ / part})
            if (entry.is_regular_file() && entry.path().filename() != "store-id")
                found.push_back(entry.path());
        return found;
    }
    // No temporary file, no file without a row, nothing in quarantine.
    [[nodiscard]] bool clean()
    {
        return files("incoming").empty() && files("quarantine").empty() &&
               files("files").size() == info()["files"];
    }

private:
    TempDir dir_;
    std::filesystem::path folder_;
    Json config_;
    std::unique_ptr<testing::FakeHost> host_;
};

inline std::string code_of(const FakeReply& reply) { return reply.ok() ? "" : reply.code(); }
inline Json data_of(const FakeReply& reply) { return reply.json.empty() ? Json{} : Json::parse(reply.json); }

} // namespace agenthost::test
