import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.auth.parameter.TopicPermission;
import com.hivemq.extension.sdk.api.packets.connect.ConnackReasonCode;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import com.hivemq.extension.sdk.api.services.builder.Builders;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * HiveMQ Community Edition for tests: one broker for each folder that is named, all in this process,
 * since a JVM takes seconds to start. A folder has conf/config.xml. When all of them listen, one line
 * "ready" goes to standard output; the process ends when its standard input does.
 */
public class Launcher {
    /** The rights that tests/e2e/parity/brokers.py gives its other brokers too. */
    private static class Rights implements ExtensionMain, SimpleAuthenticator {
        @Override
        public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
            Services.securityRegistry().setAuthenticatorProvider(ignored -> this);
        }

        @Override
        public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {}

        @Override
        public void onConnect(SimpleAuthInput input, SimpleAuthOutput output) {
            var user = input.getConnectPacket().getUserName();
            var password = input.getConnectPacket().getPassword()
                    .map(bytes -> StandardCharsets.UTF_8.decode(bytes).toString());
            boolean right = user.equals(Optional.of("user")) && password.equals(Optional.of("right"));
            if (user.isPresent() && !right) {
                output.failAuthentication(ConnackReasonCode.NOT_AUTHORIZED, "wrong password");
                return;
            }
            output.getDefaultPermissions().add(Builders.topicPermission().topicFilter("denied/#")
                    .type(TopicPermission.PermissionType.DENY).build());
            output.getDefaultPermissions().add(Builders.topicPermission().topicFilter("readonly/#")
                    .activity(TopicPermission.MqttActivity.PUBLISH)
                    .type(TopicPermission.PermissionType.DENY).build());
            output.getDefaultPermissions().add(Builders.topicPermission().topicFilter("#").build());
            output.authenticateSuccessfully();
        }
    }

    private static EmbeddedHiveMQ broker(Path folder) throws Exception {
        for (var name : List.of("data", "extensions")) {
            Files.createDirectories(folder.resolve(name));
        }
        var rights = EmbeddedExtension.builder().withId("rights").withName("Rights").withVersion("1")
                .withAuthor("Sluice").withPriority(0).withStartPriority(0)
                .withExtensionMain(new Rights()).build();
        return EmbeddedHiveMQ.builder().withConfigurationFolder(folder.resolve("conf"))
                .withDataFolder(folder.resolve("data"))
                .withExtensionsFolder(folder.resolve("extensions"))
                .withEmbeddedExtension(rights).build();
    }

    public static void main(String[] folders) throws Exception {
        var brokers = new ArrayList<EmbeddedHiveMQ>();
        for (var folder : folders) {
            var broker = broker(Path.of(folder));
            broker.start().join();
            brokers.add(broker);
        }
        System.out.println("ready");
        System.out.flush();
        System.in.transferTo(OutputStream.nullOutputStream());
        Runtime.getRuntime().halt(0);  // what the brokers hold goes away with their folders
    }
}
