using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;
using Ote.Shim;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.Shim;

/// <summary>docs/reference/shim-contract.md says what the contract is.</summary>
public sealed partial class ShimContractDocumentTests
{
    private static readonly string s_document = File.ReadAllText(Path.Combine(ReviewedText.Root, "docs", "reference", "shim-contract.md"));

    [Fact]
    public void Calls_in_the_document_are_those_of_the_service() =>
        Assert.Equal(ClusterShim.Descriptor.Methods.Select(method => method.Name).Order(), Rows("The calls").Select(row => row[0]).Order());

    [Fact]
    public void Errors_in_the_document_are_those_of_the_proto_with_their_codes_and_fates()
    {
        EnumDescriptor errors = ExecuteResponse.Descriptor.EnumTypes.Single(type => type.Name == "Error");

        Assert.Equal(errors.Values.Select(Expected), Rows("Errors").Select(row => (row[0], row[1], row[2])).OrderBy(row => errors.FindValueByName(row.Item1).Number));

        static (string, string, string) Expected(EnumValueDescriptor value)
        {
            Error error = (Error)value.Number;
            string code = error == Error.None ? "the cluster's" : ShimAnswer.NearestStatus(error).ToString(CultureInfo.InvariantCulture);
            return (value.Name, code, ShimContract.NothingRan(error) ? "yes" : "");
        }
    }

    [Fact]
    public void Every_error_anywhere_in_the_document_exists()
    {
        EnumDescriptor errors = ExecuteResponse.Descriptor.EnumTypes.Single(type => type.Name == "Error");

        Assert.All(ErrorName().Matches(s_document), match => Assert.NotNull(errors.FindValueByName(match.Value)));
    }

    /// <summary>The cells of a section's table, without its head.</summary>
    private static IEnumerable<string[]> Rows(string section)
    {
        string text = s_document[(s_document.IndexOf($"\n## {section}\n", StringComparison.Ordinal) + 4)..];
        int end = text.IndexOf("\n## ", StringComparison.Ordinal);
        return text[..end].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim(' ', '`')).ToArray());
    }

    [GeneratedRegex("ERROR_[A-Z_]+")]
    private static partial Regex ErrorName();
}
