// Recognises the keys that detach from a shell: Ctrl-] then d. Ctrl-] twice sends one. Pure; accepts typed
// bytes split anywhere.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace agenthost::hub::cli {

class DetachKeys {
public:
    static constexpr char prefix = '\x1d'; // Ctrl-]

    struct Typed {
        std::string bytes;   // for the command
        bool detach = false; // bytes typed after it are dropped
    };
    Typed feed(std::string_view typed)
    {
        Typed out;
        for (const char c : typed) {
            if (!std::exchange(armed_, false)) {
                armed_ = c == prefix;
                if (!armed_) out.bytes += c;
            } else if (c == 'd' || c == 'D') {
                out.detach = true;
                return out;
            } else {
                out.bytes += prefix;
                if (c != prefix) out.bytes += c;
            }
        }
        return out;
    }

private:
    bool armed_ = false; // the last byte was the prefix
};

} // namespace agenthost::hub::cli
