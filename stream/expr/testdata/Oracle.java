// Answers what java.time.format.DateTimeFormatter makes of each line of the standard input, line by line. A line is a
// task, a pattern, a zone and an argument, with tabs between them:
//
//   format  the argument is Unix milliseconds, the answer the text
//   parse   the argument is a text, the answer Unix milliseconds; a time of day that is missing is midnight
//
// The answer is REFUSED for a pattern that Java does not take, UNPARSABLE for a text that does not fit it, and FAULT where
// Java itself fails.
// Run as: java Oracle.java

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.Period;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.util.Locale;

class Oracle {
    static final ChronoField[] PARTS = {
        ChronoField.AMPM_OF_DAY, ChronoField.HOUR_OF_AMPM, ChronoField.MINUTE_OF_HOUR, ChronoField.SECOND_OF_MINUTE,
        ChronoField.NANO_OF_SECOND,
    };

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] columns = line.split("\t", -1);
            out.print(answer(columns[0], columns[1], ZoneId.of(columns[2]), columns[3]) + "\n");
        }
        out.flush();
    }

    static String answer(String task, String pattern, ZoneId zone, String argument) {
        DateTimeFormatter formatter;
        try {
            formatter = DateTimeFormatter.ofPattern(pattern, Locale.US);
        } catch (IllegalArgumentException refused) {
            return "REFUSED";
        }
        if (task.equals("format")) {
            try {
                return formatter.format(ZonedDateTime.ofInstant(Instant.ofEpochMilli(Long.parseLong(argument)), zone));
            } catch (IndexOutOfBoundsException fault) { // of Java's, for years of 11 to 18 letters
                return "FAULT";
            }
        }
        try {
            return Long.toString(instant(formatter.parse(argument), zone).toEpochMilli());
        } catch (RuntimeException unparsable) {
            return "UNPARSABLE";
        }
    }

    static Instant instant(TemporalAccessor parsed, ZoneId zone) {
        LocalTime time = parsed.query(TemporalQueries.localTime());
        Period excess = parsed.query(DateTimeFormatter.parsedExcessDays());
        for (ChronoField field : PARTS) {
            if (time == null && parsed.isSupported(field)) {
                throw new DateTimeException("a part of a time of day");
            }
        }
        ZoneId own = parsed.query(TemporalQueries.zone());
        LocalDate date = LocalDate.from(parsed).plus(excess);
        return ZonedDateTime.of(date, time == null ? LocalTime.MIDNIGHT : time, own == null ? zone : own).toInstant();
    }
}
