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

// progress shows the progress of an audit on standard error.
type progress interface {
	update(api.InventoryProgress)
	// nextAccount begins another account.
	nextAccount()
	// note prints a line.
	note(string)
	// tracker returns the source of the display, or nil if there is no display.
	tracker() *tracker
	// stop ends the display; it may be called more than once.
	stop()
}

// newProgress returns a bar if standard error is a terminal and TERM is not dumb, and
// plain lines otherwise, or if rows of the report, or of --debug, may appear on the
// same terminal while the bar is redrawn. Where there is no progress to show, it
// returns notes.
func (q *query) newProgress(targets []target) progress {
	certificates := 0
	for _, t := range targets {
		certificates += len(t.certs)
	}
	track := newTracker(certificates, q.rateLimit, time.Now())
	sharesTerminal := q.debug || q.streaming() && q.file == "" && !isRegularFile(q.sys.stdout)
	switch {
	case q.quiet:
		return notes{io.Discard}
	case q.kind == reportList, q.wait, q.deletion.yes && !q.deletion.unused:
		return notes{q.sys.stderr}
	case isTerminal(q.sys.stderr) && q.sys.getenv("TERM") != "dumb" && !sharesTerminal:
		terminal, _ := fileOf(q.sys.stderr)
		return newBar(terminal, track)
	default:
		return newPlain(q.sys.stderr, track)
	}
}

// notes prints notes and no progress.
type notes struct{ stderr io.Writer }

func (notes) update(api.InventoryProgress) {}
func (notes) nextAccount()                 {}
func (n notes) note(text string)           { fmt.Fprintf(n.stderr, "certuse: %s\n", text) }
func (notes) tracker() *tracker            { return nil }
func (notes) stop()                        {}

// bar is a redrawn line that is removed at the end.
type bar struct {
	stderr io.Writer
	track  *tracker
	bars   *mpb.Progress
	bar    *mpb.Bar
	once   sync.Once
}

func newBar(stderr io.Writer, track *tracker) *bar {
	b := &bar{stderr: stderr, track: track, bars: mpb.New(mpb.WithOutput(stderr))}
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
	b.track.update(p, time.Now())
	done, total := b.track.requests()
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

func (b *bar) nextAccount()      { b.track.nextAccount() }
func (b *bar) tracker() *tracker { return b.track }

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

// plain prints a line at intervals, for logs, and when a wait begins, unless a wait was
// announced within the interval: in an outage a wait begins every few seconds.
type plain struct {
	track *tracker
	end   chan struct{}
	once  sync.Once
	lines sync.WaitGroup

	mu        sync.Mutex
	stderr    io.Writer
	announced time.Time // when the latest wait was
}

func newPlain(stderr io.Writer, track *tracker) *plain {
	p := &plain{track: track, stderr: stderr, end: make(chan struct{})}
	p.lines.Go(func() {
		tick := time.NewTicker(plainInterval)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				p.note(track.line(now))
			case <-p.end:
				return
			}
		}
	})
	return p
}

func (p *plain) nextAccount()      { p.track.nextAccount() }
func (p *plain) tracker() *tracker { return p.track }

func (p *plain) update(a api.InventoryProgress) {
	now := time.Now()
	p.track.update(a, now)
	if wait := a.WaitingUntil.Sub(now); wait >= time.Second && now.Sub(p.announced) >= plainInterval {
		p.announced = now
		p.note(p.track.line(now))
	}
}

func (p *plain) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.stderr, "certuse: %s\n", text)
}

func (p *plain) stop() {
	p.once.Do(func() {
		close(p.end)
		p.lines.Wait()
	})
}
