// Prints java_times.tsv, the oracle of the timestamp patterns: what java.time.format.DateTimeFormatter makes of random
// patterns. Run as: java GoldenTimes.java > java_times.tsv
//
// Columns: pattern, zone, Unix milliseconds, and the text, or REFUSED for a pattern that Java does not take.

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Random;

class GoldenTimes {
    static final String[] ZONES = {
        "UTC", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "America/Sao_Paulo",
        "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia",
    };

    static final String[] FIXED = {
        "yyyy/MM/dd/HH", "yyyy-MM-dd-HH-mm-ss", "'dt='yyyy-MM-dd'/hour='HH", "yyyyMMdd'T'HHmmss'Z'", "MMM", "MMMM d, y",
        "MMMMM", "MMMMMM", "ddd", "HHH", "mmm", "sss", "y", "yy", "yyy", "yyyyy", "yyyyyyyyyyyyyyyyyyy",
        "yyyyyyyyyyyyyyyyyyyy", "''", "'it''s' y", "''''", "y''M", "'a", "d'", "'é'y", "y.M,d;H:m=s!", "%y+M*d", "M/d",
    };

    static final String[] SECTIONS = {
        "y[-M", "y[-M]", "y[[M]]d", "y]", "[", "[]", "[y]]", "y'['M", "#", "y{", "VVV", "V", "OO", "OOOO", "aa", "SSSSSSSSS",
        "SSSSSSSSSS", "nnnnnnnnnnnn", "DDD", "DDDD", "www", "WW", "zzzzz", "XXXXX", "XXXXXX", "b", "yyyy-ww-e", "YYYY-'W'ww-e",
        "QQQQ", "eeee", "KK:mm a", "hh:mm a",
    };

    static final long[] INSTANTS = {
        0, -1, -1000, -1001, 999, 1000, 951782399999L, 951782400000L, 1735689599999L, 1735689600000L,
        253402300799000L, 253402300800000L, -62135596800000L, -62135596800001L, -99999999999999L, 9999999999999999L,
    };

    static final String[] TEXTS = {"/", "-", "_", ":", ".", " ", "=", "'T'", "'year='", "''", "'o''clock'", "é", "+", "$"};

    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Random random = new Random(20260711);
        for (String pattern : FIXED) {
            print(out, pattern, "UTC", 1752244449123L);
        }
        for (long instant : INSTANTS) {
            for (String pattern : new String[] {"yyyy/MM/dd/HH/mm/ss", "y-yy-yyy-yyyyy"}) {
                print(out, pattern, "UTC", instant);
            }
        }
        for (int i = 0; i < 600; i++) {
            String zone = ZONES[random.nextInt(ZONES.length)];
            long instant = random.nextInt(10) == 0 ? INSTANTS[random.nextInt(10)] : (long) (random.nextDouble() * 2.2e12);
            print(out, pattern(random, "yMdHms"), zone, instant);
        }
        for (int i = 0; i < 600; i++) {
            String zone = ZONES[random.nextInt(ZONES.length)];
            print(out, pattern(random, "yuYQMLwWdDEeaHhKkmsSnzVZXxO"), zone, (long) (4e11 + random.nextDouble() * 3e12));
        }
        for (String pattern : SECTIONS) {
            print(out, pattern, "UTC", 1752244449123L);
        }
        out.flush();
    }

    static String pattern(Random random, String letters) {
        StringBuilder pattern = new StringBuilder();
        for (int i = 1 + random.nextInt(7); i > 0; i--) {
            if (random.nextInt(3) == 0) {
                pattern.append(TEXTS[random.nextInt(TEXTS.length)]);
                continue;
            }
            char letter = letters.charAt(random.nextInt(letters.length()));
            int most = random.nextInt(12) == 0 ? 6 : "yMuYLEe".indexOf(letter) >= 0 ? 4 : 2;
            pattern.append(String.valueOf(letter).repeat(1 + random.nextInt(most)));
        }
        return pattern.toString();
    }

    static void print(PrintStream out, String pattern, String zone, long instant) {
        out.print(pattern + "\t" + zone + "\t" + instant + "\t" + format(pattern, zone, instant) + "\n");
    }

    static String format(String pattern, String zone, long instant) {
        DateTimeFormatter formatter;
        try {
            formatter = DateTimeFormatter.ofPattern(pattern, Locale.US);
        } catch (IllegalArgumentException refused) {
            return "REFUSED";
        }
        return formatter.format(Instant.ofEpochMilli(instant).atZone(ZoneId.of(zone)));
    }
}
