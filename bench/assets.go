package bench

import "html/template"

// UPlot is the plots' library (uPlot, MIT), its script and its styles, for other pages that need no network.
func UPlot() (script template.JS, styles template.CSS) {
	return template.JS(uPlotJS), template.CSS(uPlotCSS)
}
