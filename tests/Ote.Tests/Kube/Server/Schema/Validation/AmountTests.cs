using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Tests.Kube.Server.Schema.Validation;

/// <summary>Quantities are computed with and written as Kubernetes does.</summary>
public sealed class AmountTests
{
    [Theory]
    [InlineData("0.5", "500m")]
    [InlineData("1500m", "1500m")]
    [InlineData("1000", "1k")]
    [InlineData("1001", "1001")]
    [InlineData("2000m", "2")]
    [InlineData("0", "0")]
    [InlineData("0Ki", "0")]
    [InlineData("1024Mi", "1Gi")]
    [InlineData("1536Mi", "1536Mi")]
    [InlineData("1.5Gi", "1536Mi")]
    [InlineData("1000Ki", "1000Ki")]
    [InlineData("0.5Ki", "512")]
    [InlineData("10.3Gi", "11059540787200m")]
    [InlineData("1e3", "1e3")]
    [InlineData("10E", "10E")]
    [InlineData("12E6", "12e6")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("-5", "-5")]
    public void Amount_IsWrittenInTheLargestUnitThatFits(string text, string written) => Assert.Equal(written, Amount.Read(text)!.Value.ToString());

    [Theory]
    [InlineData("1Gi", "512Mi", "1536Mi")]
    [InlineData("1", "500m", "1500m")]
    [InlineData("0", "1Gi", "1Gi")]
    [InlineData("1G", "1Gi", "2073741824")]
    [InlineData("1Gi", "1", "1073741825")]
    [InlineData("7e28", "7e28", "79228162514264337593543950335")]
    public void Sum_HasTheFormOfTheFirst(string first, string second, string sum) => Assert.Equal(sum, Amount.Read(first)!.Value.Plus(Amount.Read(second)!.Value).ToString());

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"1x\"")]
    [InlineData("true")]
    [InlineData("{}")]
    public void WhatIsNoQuantity_IsNone(string json) => Assert.Null(Amount.Read(JsonNode.Parse(json)));
}
