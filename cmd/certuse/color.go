package main

// palette colours words for a terminal. The zero value leaves them as they are.
type palette struct{ on bool }

// newPalette follows https://no-color.org, and TERM=dumb, on top of asking
// whether there is a terminal at all.
func newPalette(sys system, stream any) palette {
	return palette{on: isTerminal(stream) && sys.getenv("NO_COLOR") == "" && sys.getenv("TERM") != "dumb"}
}

func (p palette) paint(sgr, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (p palette) bold(s string) string { return p.paint("1", s) }

// usage gives each answer its colour: in use is what blocks a deletion.
func (p palette) usage(u, s string) string {
	switch u {
	case usageInUse:
		return p.paint("31", s)
	case usageUnused:
		return p.paint("32", s)
	default:
		return p.paint("33", s)
	}
}
