package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/certuse/cloudflare-mtls/api"
)

// plainInterval is the time between two lines of progress without a terminal.
const plainInterval = 30 * time.Second

// progress shows the progress of a command on standard error.
type progress interface {
	update(api.InventoryProgress)
	// nextAccount, requests, leastTimeFor and deleting are methods of [tracker].
	nextAccount()
	requests() (done, total int)
	leastTimeFor(requests int, now time.Time) time.Duration
	deleting(done, all int)
	// note prints a line. It is safe for concurrent use.
	note(string)
	// stop ends the display; it may be called more than once.
	stop()
}

// newProgress returns notes if there is no progress to show. It returns plain lines if
// a bar cannot be redrawn: without a terminal, with TERM=dumb, or if rows of the report
// or lines of --debug may appear on the same terminal.
func (q *query) newProgress(targets []target) progress {
	certificates := 0
	for _, t := range targets {
		certificates += len(t.certs)
	}
	track := newTracker(certificates, q.rateLimit, time.Now())
	sharesTerminal := q.debug || q.streaming() && q.file == "" && !isRegularFile(q.sys.stdout)
	switch {
	case q.quiet:
		return notes{track, io.Discard}
	case q.kind == reportList, q.wait, q.deletion.yes && !q.deletion.unused:
		return notes{track, q.sys.stderr}
	case isTerminal(q.sys.stderr) && q.sys.getenv("TERM") != "dumb" && !sharesTerminal:
		terminal, _ := fileOf(q.sys.stderr)
		return newBar(terminal, track)
	default:
		return newPlain(q.sys.stderr, track)
	}
}

// notes prints notes and no progress.
type notes struct {
	*tracker
	stderr io.Writer // each note is one write
}

func (n notes) update(p api.InventoryProgress) { n.tracker.update(p, time.Now()) }
func (n notes) note(text string)               { fmt.Fprintf(n.stderr, "certuse: %s\n", text) }
func (notes) stop()                            {}

// bar is a redrawn line that is removed at the end.
type bar struct {
	notes
	bars *mpb.Progress
	bar  *mpb.Bar
	once sync.Once
}

func newBar(stderr io.Writer, track *tracker) *bar {
	b := &bar{notes: notes{track, stderr}, bars: mpb.New(mpb.WithOutput(stderr))}
	// A bar created with its total ends when it is full, and could not show a later
	// note. After SetTotal(total, false), only stop ends it.
	b.bar = b.bars.New(0,
		mpb.BarStyle().Lbound("[").Filler("=").Tip("=").Padding(" ").Rbound("]"),
		mpb.BarWidth(22),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			return " " + strings.Join(track.facts(time.Now()), "  ")
		})),
	)
	return b
}

func (b *bar) update(p api.InventoryProgress) {
	b.notes.update(p)
	done, total := b.requests()
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

func (b *bar) note(text string) {
	// The echo of ^C may have moved the cursor, and the display does not move it back.
	line := "\rcertuse: " + text + "\n"
	if _, err := io.WriteString(b.bars, line); err != nil { // the display has ended
		_, _ = io.WriteString(b.stderr, line)
	}
}

func (b *bar) stop() {
	b.once.Do(func() {
		b.bar.Abort(true)
		b.bars.Wait()
	})
}

// plain prints a line every plainInterval, for logs, and a line when a wait begins. It
// prints at most one such line per plainInterval, because in an outage a wait begins
// every few seconds. After stop it prints only notes.
type plain struct {
	notes
	mu        sync.Mutex
	end       chan struct{}
	once      sync.Once
	lines     sync.WaitGroup
	announced time.Time // when a wait was last announced
}

func newPlain(stderr io.Writer, track *tracker) *plain {
	p := &plain{notes: notes{track, stderr}, end: make(chan struct{})}
	p.lines.Go(func() {
		tick := time.NewTicker(plainInterval)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				p.note(p.line(now))
			case <-p.end:
				return
			}
		}
	})
	return p
}

func (p *plain) update(a api.InventoryProgress) {
	p.notes.update(a)
	p.mu.Lock() // update prints no line after stop has closed end
	defer p.mu.Unlock()
	select {
	case <-p.end:
		return
	default:
	}
	now := time.Now()
	if wait := a.WaitingUntil.Sub(now); wait >= time.Second && now.Sub(p.announced) >= plainInterval {
		p.announced = now
		p.note(p.line(now))
	}
}

func (p *plain) stop() {
	p.once.Do(func() {
		p.mu.Lock()
		close(p.end)
		p.mu.Unlock()
		p.lines.Wait()
	})
}
