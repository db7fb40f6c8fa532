import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipInputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.compress.SnappyCodec;
import org.xerial.snappy.SnappyInputStream;

/** Decodes files: COMPRESSION FROM TO, as often as wanted. */
public class Decode {
    public static void main(String[] args) throws IOException {
        for (int i = 0; i + 2 < args.length; i += 3) {
            try (InputStream file = new FileInputStream(args[i + 1]);
                    InputStream plain = open(args[i], file);
                    OutputStream out = Files.newOutputStream(Path.of(args[i + 2]))) {
                plain.transferTo(out);
            } catch (IOException e) {
                throw new IOException(args[i] + " " + args[i + 1] + ": " + e, e);
            }
        }
    }

    private static InputStream open(String compression, InputStream file) throws IOException {
        switch (compression) {
            case "snappy":
                return new SnappyInputStream(file);
            case "hadoop-snappy":
                SnappyCodec codec = new SnappyCodec();
                codec.setConf(new Configuration());
                return codec.createInputStream(file);
            case "zip": // takes the bytes as they come and never sees the directory
                ZipInputStream archive = new ZipInputStream(file);
                if (archive.getNextEntry() == null) {
                    throw new IOException("no entry");
                }
                return archive;
            default:
                throw new IOException("unknown compression " + compression);
        }
    }
}
