using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What Secrets of the known types must hold. No value of one is ever told.</summary>
internal static class SecretRules
{
    private const string Redacted = "<secret contents redacted>";

    public static void Check(JsonObject secret, Faults faults)
    {
        switch (secret.TextAt("type"))
        {
            case "kubernetes.io/tls":
                Needs(secret, faults, "tls.crt", "tls.key");
                break;
            case "kubernetes.io/ssh-auth":
                Needs(secret, faults, "ssh-privatekey");
                break;
            case "kubernetes.io/service-account-token":
                if (string.IsNullOrEmpty(secret.TextAt("metadata", "annotations", "kubernetes.io/service-account.name")))
                    faults.Required("metadata.annotations[kubernetes.io/service-account.name]");
                break;
            case "kubernetes.io/basic-auth":
                if (secret.At("data", "username") is null && secret.At("data", "password") is null)
                    Needs(secret, faults, "username", "password");
                break;
            case "kubernetes.io/dockerconfigjson":
                Json(secret, faults, ".dockerconfigjson");
                break;
            case "kubernetes.io/dockercfg":
                Json(secret, faults, ".dockercfg");
                break;
        }
    }

    private static void Needs(JsonObject secret, Faults faults, params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (secret.At("data", key) is null)
                faults.Required($"data[{key}]");
        }
    }

    private static void Json(JsonObject secret, Faults faults, string key)
    {
        if (secret.TextAt("data", key) is not { } text)
        {
            faults.Required($"data[{key}]");
            return;
        }
        byte[] bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out int length))
            return; // Told where the object is read.
        try
        {
            using JsonDocument read = JsonDocument.Parse(bytes.AsMemory(0, length));
        }
        catch (JsonException)
        {
            string what = length == 0 ? "unexpected end of JSON input" : $"invalid character '{(char)bytes[0]}' looking for beginning of value";
            faults.Invalid($"data[{key}]", Redacted, what);
        }
    }
}
