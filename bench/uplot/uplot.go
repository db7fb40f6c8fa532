// Package uplot holds the library of the plots (uPlot 1.6.32, MIT), so that pages need no network.
package uplot

import _ "embed"

// The library as it was released.
var (
	//go:embed uPlot.iife.min.js
	Script string
	//go:embed uPlot.min.css
	Styles string
)
