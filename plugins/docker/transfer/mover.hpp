// Moves one complete file between a server's folder and a URL, under the network settings of the server that
// asked and the node's address policy.
//
// A download goes to an unfinished file and is renamed into place when all of it is there, checked and synced:
// after an error, a cancel or a crash the path has its old content. An upload sends the file that was opened,
// with the size that it had then. Blocking, on the caller's thread; any number of threads at a time.
#pragma once

#include "content_sink.hpp"
#include "settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace agenthost::docker::transfer {

// One transfer: where to, how watched, how ended.
struct Order {
    netclient::Url url;
    std::shared_ptr<const netclient::Network> network; // null: no server asked; a direct connection
    netclient::WaitLimits limits;
    // `total` is 0 while it is unknown. At most four times a second, on the caller's thread.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct Moved {
    std::uint64_t size = 0;
    std::string sha256; // of a download
    int status = 0;     // HTTP's
};

class Mover {
public:
    explicit Mover(const Settings& settings) : http_{http_options(settings)} {}

    // Both throw: NETWORK_ERROR, DENIED (by the address policy), CANCELLED, TIMEOUT, and what files/ throws.
    Moved download(const files::Root&, const files::Path&, const files::WriteOptions&, const Declared&,
                   const Order&);
    Moved upload(const files::Root&, const files::Path&, const Order&); // by PUT

private:
    netclient::HttpClient http_;
};

} // namespace agenthost::docker::transfer
