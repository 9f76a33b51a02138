package api

import "sync"

// panicBox carries a panic of certs, or of the caller's transport, over to the
// goroutine of the loop, where the caller can expect and recover it.
type panicBox struct {
	once  sync.Once
	value any
	// kept is closed when there is a value.
	kept chan struct{}
}

// keep is to be deferred by each goroutine.
func (b *panicBox) keep() {
	if v := recover(); v != nil {
		b.once.Do(func() {
			b.value = v
			close(b.kept)
		})
	}
}

func (b *panicBox) rethrow() {
	select {
	case <-b.kept:
		panic(b.value)
	default:
	}
}
