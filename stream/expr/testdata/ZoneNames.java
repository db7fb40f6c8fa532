// Prints zone_names.tsv: what java.time.format.DateTimeFormatter calls every time zone with the letters z and zzzz.
// Run as: java ZoneNames.java > ../zone_names.tsv
//
// Columns: zone, short name of standard time, short name of summer time, and the long ones of both. A zone without
// summer time has empty columns for it.

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

class ZoneNames {
    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String id : new TreeSet<>(ZoneId.getAvailableZoneIds())) {
            if (id.startsWith("SystemV/")) {
                continue; // no longer in the time zone database
            }
            Instant standard = find(id, false);
            Instant summer = find(id, true);
            out.print(String.join("\t", id, name("z", id, standard), name("z", id, summer), name("zzzz", id, standard),
                name("zzzz", id, summer)) + "\n");
        }
        out.flush();
    }

    static Instant find(String id, boolean summer) {
        ZoneRules rules = ZoneId.of(id).getRules();
        List<Instant> instants = new ArrayList<>();
        for (ZoneOffsetTransition transition : rules.getTransitions()) {
            instants.add(transition.getInstant());
        }
        for (long month = 0; month < 240; month++) {
            instants.add(Instant.ofEpochSecond(month * 30 * 86400 + 1400000000L));
        }
        for (Instant instant : instants) {
            if (rules.isDaylightSavings(instant) == summer) {
                return instant;
            }
        }
        return null;
    }

    static String name(String pattern, String id, Instant instant) {
        return instant == null ? "" : DateTimeFormatter.ofPattern(pattern, Locale.US).format(instant.atZone(ZoneId.of(id)));
    }
}
