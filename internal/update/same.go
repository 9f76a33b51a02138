package update

import (
	"go/scanner"
	"go/token"
)

// sameCode reports whether two Go files differ in nothing but comments and
// layout. Such a difference changes neither what compiles nor an API.
func sameCode(a, b []byte) bool {
	next, other := tokens(a), tokens(b)
	for {
		x, y := next(), other()
		if x != y {
			return false
		}
		if x.kind == token.EOF {
			return true
		}
	}
}

type lexeme struct {
	kind token.Token
	text string
}

func tokens(source []byte) func() lexeme {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	s.Init(file, source, func(token.Position, string) {}, 0)
	return func() lexeme {
		_, kind, text := s.Scan()
		return lexeme{kind, text}
	}
}
