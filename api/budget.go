package api

import "sync/atomic"

// The retry budget keeps many callers from multiplying the load on a server
// that fails: when everything fails, a client makes ten retries and then one
// request per call, until calls succeed again.
const (
	budgetFull  = 50
	budgetRetry = 5
	budgetEarn  = 1
)

type budget struct{ spent atomic.Int32 }

// spend takes the price of one retry, if it is there.
func (b *budget) spend() bool {
	for {
		spent := b.spent.Load()
		if spent+budgetRetry > budgetFull {
			return false
		}
		if b.spent.CompareAndSwap(spent, spent+budgetRetry) {
			return true
		}
	}
}

// credit gives back what a retry that was not made has cost, or what a success
// earns.
func (b *budget) credit(tokens int32) {
	for {
		spent := b.spent.Load()
		if spent == 0 || b.spent.CompareAndSwap(spent, max(0, spent-tokens)) {
			return
		}
	}
}
