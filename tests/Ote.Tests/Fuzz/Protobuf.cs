using System.Text;
using Google.Protobuf;

namespace Ote.Tests.Fuzz;

/// <summary>Objects in Kubernetes' protobuf form, written by hand.</summary>
internal static class Protobuf
{
    public static IEnumerable<byte[]> Seeds()
    {
        byte[] metadata = [.. Text(1, "web"), .. Text(3, "default"), .. Part(8, [.. Whole(1, 5), .. Whole(2, 7)]), .. Part(11, [.. Text(1, "app"), .. Text(2, "web")])];
        yield return Object("v1", "ConfigMap", [.. Part(1, metadata), .. Part(2, [.. Text(1, "k"), .. Text(2, "v")]), .. Part(3, [.. Text(1, "b"), .. Part(2, [1, 2, 3])]), .. Whole(4, 1)]);
        byte[] container = [.. Text(1, "web"), .. Text(2, "nginx"), .. Part(6, [.. Text(1, "http"), .. Whole(3, 80)]), .. Part(8, Part(1, [.. Text(1, "cpu"), .. Part(2, Text(1, "500m"))]))];
        byte[] template = [.. Part(1, metadata), .. Part(2, Part(2, container))];
        byte[] strategy = Part(2, Part(1, [.. Whole(1, 1), .. Whole(2, 3), .. Text(3, "25%")]));
        yield return Object("apps/v1", "Deployment", [.. Part(1, metadata), .. Part(2, [.. Whole(1, 3), .. Part(2, Part(1, [.. Text(1, "app"), .. Text(2, "web")])), .. Part(3, template), .. Part(4, strategy)])]);
        yield return Object("apps/v1", "ControllerRevision", [.. Part(1, metadata), .. Part(2, Text(1, """{"a":[1,{"b":null}]}""")), .. Whole(3, 1)]);
        yield return Object("coordination.k8s.io/v1", "Lease", [.. Part(1, metadata), .. Part(2, [.. Text(1, "me"), .. Whole(2, 15), .. Part(4, [.. Whole(1, 1_700_000_000), .. Whole(2, 5)])])]);
    }

    private static byte[] Object(string apiVersion, string kind, byte[] raw) => [.. "k8s\0"u8, .. Part(1, [.. Text(1, apiVersion), .. Text(2, kind)]), .. Part(2, raw)];

    private static byte[] Text(int field, string text) => Part(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Part(int field, byte[] value) => Written(w =>
    {
        w.WriteTag(field, WireFormat.WireType.LengthDelimited);
        w.WriteBytes(ByteString.CopyFrom(value));
    });

    private static byte[] Whole(int field, long value) => Written(w =>
    {
        w.WriteTag(field, WireFormat.WireType.Varint);
        w.WriteInt64(value);
    });

    private static byte[] Written(Action<CodedOutputStream> write)
    {
        using MemoryStream stream = new();
        using (CodedOutputStream writer = new(stream, leaveOpen: true)) write(writer);
        return stream.ToArray();
    }
}
