using Google.Protobuf.Reflection;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;
using Ote.Shim.Contract;

namespace Ote.Tests.Protocol;

/// <summary>
/// Numbers, types and meanings on the wire, on disk and in the shim contract never change: a build talks to older and newer builds, reads
/// their journals, and shims in other languages were generated from what was published.
/// </summary>
public sealed class FieldNumberTests
{
    public static TheoryData<string> Files => [.. Descriptors.Keys];

    private static Dictionary<string, FileDescriptor> Descriptors { get; } = new()
    {
        ["tunnel"] = TunnelReflection.Descriptor,
        ["records"] = RecordsReflection.Descriptor,
        ["shim"] = ShimReflection.Descriptor,
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Field_numbers_never_change(string file) => ReviewedText.Check(
        $"docs/reference/wire/{file}.txt",
        Describe(Descriptors[file]),
        nameof(FieldNumberTests),
        "Old builds still write and read it: put it back. A field that is no longer used keeps its line, or is 'reserved' in the proto.");

    [Fact]
    public void No_number_is_reserved_and_used_at_once() => Assert.All(
        Descriptors.Values.SelectMany(Messages),
        message => Assert.DoesNotContain(message.Fields.InDeclarationOrder(), field => Reserved(message).Contains(field.FieldNumber)));

    private static IEnumerable<string> Describe(FileDescriptor file)
    {
        yield return $"package {file.Package}";
        foreach (MessageDescriptor message in Messages(file).OrderBy(message => message.FullName, StringComparer.Ordinal))
        {
            foreach (FieldDescriptor field in message.Fields.InFieldNumberOrder())
                yield return $"{Short(file, message)} {field.FieldNumber} {field.Name} {(field.IsRepeated ? "repeated " : "")}{TypeOf(file, field)}{(field.RealContainingOneof is { } oneof ? $" oneof {oneof.Name}" : "")}{(field.HasPresence && field.FieldType != FieldType.Message && field.RealContainingOneof is null ? " optional" : "")}";
            foreach (int number in Reserved(message))
                yield return $"{Short(file, message)} {number} reserved";
        }
        foreach (EnumDescriptor type in file.EnumTypes.Concat(Messages(file).SelectMany(message => message.EnumTypes)).OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            foreach (EnumValueDescriptor value in type.Values.OrderBy(value => value.Number))
                yield return $"{Short(file, type)} {value.Number} {value.Name}";
        }
        foreach (MethodDescriptor method in file.Services.SelectMany(service => service.Methods))
            yield return $"rpc {Short(file, method.Service)}.{method.Name} ({Stream(method.IsClientStreaming)}{Short(file, method.InputType)}) returns ({Stream(method.IsServerStreaming)}{Short(file, method.OutputType)})";
    }

    private static IEnumerable<MessageDescriptor> Messages(FileDescriptor file) => file.MessageTypes.SelectMany(WithNested);

    private static IEnumerable<MessageDescriptor> WithNested(MessageDescriptor message) => message.NestedTypes.SelectMany(WithNested).Prepend(message);

    private static IEnumerable<int> Reserved(MessageDescriptor message) =>
        message.ToProto().ReservedRange.SelectMany(range => Enumerable.Range(range.Start, range.End - range.Start));

    private static string TypeOf(FileDescriptor file, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => Short(file, field.MessageType),
        FieldType.Enum => Short(file, field.EnumType),
        var plain => plain.ToString().ToLowerInvariant(),
    };

    /// <summary>The name without this file's own package, which the first line says.</summary>
    private static string Short(FileDescriptor file, IDescriptor type) =>
        type.FullName.StartsWith(file.Package + ".", StringComparison.Ordinal) ? type.FullName[(file.Package.Length + 1)..] : type.FullName;

    private static string Stream(bool streams) => streams ? "stream " : "";
}
