#include "transfer_slots.hpp"

#include <utility>

namespace agenthost::hub {

TransferSlots::Slot TransferSlots::take(std::string agent, std::string caller, std::string& why)
{
    struct Taken {
        std::shared_ptr<Book> book;
        std::string agent, caller;
        Taken(std::shared_ptr<Book> b, std::string a, std::string c)
            : book{std::move(b)}, agent{std::move(a)}, caller{std::move(c)}
        {}
        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;
        ~Taken()
        {
            const std::lock_guard lock{book->mutex};
            book->agents.give_back(agent, 1);
            book->callers.give_back(caller, 1);
        }
    };
    const auto of = [total = book_->agents.total()](const std::string& whose) {
        return whose + " of the hub's " + std::to_string(total) +
               " file transfers; try again when some have ended";
    };
    {
        const std::lock_guard lock{book_->mutex};
        if (book_->agents.used() >= book_->agents.total())
            why = "All " + std::to_string(book_->agents.total()) +
                  " file transfers of the hub are in use; try again when some have ended";
        else if (book_->agents.available(agent) == 0)
            why = of("Agent " + agent + " has its share");
        else if (book_->callers.available(caller) == 0)
            why = of("This token has its share");
        else {
            book_->agents.take(agent, 1);
            book_->callers.take(caller, 1);
            why.clear();
        }
    }
    if (!why.empty()) return nullptr;
    return std::make_shared<Taken>(book_, std::move(agent), std::move(caller));
}

std::size_t TransferSlots::taken() const
{
    const std::lock_guard lock{book_->mutex};
    return book_->agents.used();
}

} // namespace agenthost::hub
