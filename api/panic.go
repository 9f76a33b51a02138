package api

import (
	"errors"
	"sync"
)

// errGoexit stands for a goroutine of an audit that ended without returning, as
// with t.Fatal in the transport of a test.
var errGoexit = errors.New("api: the transport or the sequence of an audit ended its goroutine with runtime.Goexit")

// panicBox carries a panic of certs, or of the caller's transport, over to the
// goroutine of the loop, where the caller can expect and recover it. A Goexit
// becomes a panic there: what the goroutine had in hand is lost.
type panicBox struct {
	once  sync.Once
	value any
	// kept is closed when there is a value.
	kept chan struct{}
}

// guard runs what a goroutine has to do.
func (b *panicBox) guard(do func()) {
	returned := false
	defer func() {
		v := recover()
		if v == nil && !returned {
			v = errGoexit
		}
		if v != nil {
			b.once.Do(func() {
				b.value = v
				close(b.kept)
			})
		}
	}()
	do()
	returned = true
}

func (b *panicBox) rethrow() {
	select {
	case <-b.kept:
		panic(b.value)
	default:
	}
}
