package main

import "github.com/certuse/cloudflare-mtls/api"

// palette colours text for a terminal. The zero value adds no colours.
type palette struct{ on bool }

// newPalette follows https://no-color.org and TERM=dumb; only terminals get
// colours.
func newPalette(sys system, stream any) palette {
	return palette{on: isTerminal(stream) && sys.getenv("NO_COLOR") == "" && sys.getenv("TERM") != "dumb"}
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p palette) paint(sgr, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (p palette) bold(s string) string { return p.paint("1", s) }

// usage colours a usage: red for in use, which prevents a deletion.
func (p palette) usage(u api.Usage, s string) string {
	switch u {
	case api.InUse:
		return p.paint(red, s)
	case api.Unused:
		return p.paint(green, s)
	default:
		return p.paint(yellow, s)
	}
}

// cell colours a cell of a table by its column.
func (p palette) cell(key string, r *row, s string) string {
	switch {
	case key == "usage" && r.lookedUp:
		return p.usage(r.usage, s)
	case (key == "expires_on" || key == "days_left") && r.expiresWithin(0, r.now):
		return p.paint(red, s)
	case (key == "expires_on" || key == "days_left") && r.expiresWithin(expiryWarning, r.now):
		return p.paint(yellow, s)
	default:
		return s
	}
}
