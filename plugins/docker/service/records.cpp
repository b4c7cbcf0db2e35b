#include "records.hpp"

#include "base/disk_trouble.hpp"
#include "base/sqlite.hpp"

#include <boost/asio/post.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

namespace agenthost::docker::service {

Records::Records(std::unique_ptr<store::Store> store, std::string engine_file, boost::asio::io_context& io)
    : store_{std::move(store)}, engine_file_{std::move(engine_file)}, io_{io}
{}

void Records::run(Call call, Then then)
{
    std::string folder = std::filesystem::path{engine_file_}.parent_path().string();
    boost::asio::post(thread_, [store = store_, call = std::move(call), then = std::move(then), io = &io_,
                                folder = std::move(folder), alive = std::weak_ptr{alive_}]() mutable {
        std::optional<Problem> problem;
        try {
            problem = call(*store);
        } catch (const base::SqliteError& error) {
            const base::DiskTrouble trouble = base::disk_trouble(error, folder, "move agent.state_dir");
            problem = Problem{trouble.code, trouble.text};
        } catch (const std::exception& e) {
            problem = Problem{code::internal, e.what()};
        }
        boost::asio::post(*io, [then = std::move(then), problem = std::move(problem), alive] {
            if (!alive.expired()) then(problem);
        });
    });
}

void Records::add(store::StoredServer server, Then then)
{
    run([server = std::move(server)](store::Store& store) { return store.add(server); }, std::move(then));
}

void Records::remove(const std::string& id, Then then)
{
    run(
        [id](store::Store& store) -> std::optional<Problem> {
            store.remove(id);
            return std::nullopt;
        },
        std::move(then));
}

void Records::save(const std::string& id, const server::Record& record, Then then)
{
    changes_.emplace_back(id, record);
    waiting_.push_back(std::move(then));
    if (!flushing_) flush();
}

void Records::flush()
{
    flushing_ = true;
    run(
        [changes = std::exchange(changes_, {})](store::Store& store) -> std::optional<Problem> {
            store.save(changes);
            return std::nullopt;
        },
        [this, waiting = std::exchange(waiting_, {})](const std::optional<Problem>& problem) {
            for (const Then& then : waiting) then(problem); // may add changes: they wait for the next round
            if (changes_.empty())
                flushing_ = false;
            else
                flush();
        });
}

void Records::keep_project(const std::string& id, std::uint32_t project)
{
    const auto done = std::make_shared<std::promise<void>>();
    boost::asio::post(thread_, [store = store_, done, id, project] {
        try {
            store->save_project(id, project);
            done->set_value();
        } catch (...) {
            done->set_exception(std::current_exception());
        }
    });
    done->get_future().get();
}

std::string Records::engine() const
{
    std::ifstream in{engine_file_};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Not worth a sync: a power cut ends the engine as well.
void Records::set_engine(const std::string& process)
{
    boost::asio::post(thread_, [file = engine_file_, process] {
        const std::string part = file + ".part";
        std::ofstream{part, std::ios::trunc} << process;
        std::rename(part.c_str(), file.c_str());
    });
}

} // namespace agenthost::docker::service
