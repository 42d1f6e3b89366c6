using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// One ExifTool process that is kept open (`-stay_open`), because starting Perl costs more than writing a tag. It is given arguments line by line on its
/// standard input, never a shell; the only file names are our own temporary ones. Commands run one after the other.
/// </summary>
internal sealed class ExifTool : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _one = new(1);
    private int _number;

    private ExifTool(Process process, TimeProvider time, string version)
    {
        (_process, _time, Version) = (process, time, version);
    }

    public string Version { get; private init; }

    /// <exception cref="WorkerException">There is none, or it does not start.</exception>
    public static async Task<ExifTool> StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("exiftool", ["-stay_open", "True", "-@", "-", "-common_args", "-charset", "filename=utf8", "-m"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TZ"] = "UTC";
        start.Environment["LC_ALL"] = "C";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception missing)
        {
            throw new WorkerException(GoogleErrorCatalogue.ExifToolMissing, $"ExifTool cannot be started: {missing.Message}", missing);
        }

        var tool = new ExifTool(process, time, "");
        try
        {
            var (version, _) = await tool.RunAsync(["-ver"], cancellationToken);
            return new(process, time, version.Trim());
        }
        catch
        {
            await tool.DisposeAsync();
            throw;
        }
    }

    /// <summary>Writes a corrected copy and reads it back.</summary>
    /// <returns>Why there is none; null when the copy is good.</returns>
    public async Task<string?> CorrectAsync(string source, string target, MediaCorrection correction, string mime, CancellationToken cancellationToken)
    {
        var (_, error) = await RunAsync([.. correction.Arguments(mime), "-o", target, source], cancellationToken);
        if (!File.Exists(target))
        {
            return error.Length > 0 ? Clean(error, source) : "ExifTool wrote nothing";
        }

        return correction.IsIn(await ReadAsync(target, mime, cancellationToken), mime) ? null : "what was written could not be read back";
    }

    private async Task<ExifReading> ReadAsync(string file, string mime, CancellationToken cancellationToken)
    {
        var time = mime.StartsWith("video/", StringComparison.Ordinal) ? "CreateDate" : "DateTimeOriginal";
        var (output, _) = await RunAsync(["-j", "-n", "-" + (time == "CreateDate" ? "QuickTime:CreateDate" : "EXIF:DateTimeOriginal"), "-Composite:GPSLatitude", "-Composite:GPSLongitude", file], cancellationToken);
        try
        {
            using var document = JsonDocument.Parse(output);
            var found = document.RootElement[0];
            double? Number(string name) => found.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
            var text = found.TryGetProperty(time, out var stamp) && stamp.ValueKind == JsonValueKind.String ? stamp.GetString() : null;
            return new(
                DateTime.TryParseExact(text, "yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var taken) ? taken : null,
                Number("GPSLatitude"),
                Number("GPSLongitude"));
        }
        catch (JsonException)
        {
            return new(null, null, null);
        }
    }

    private async Task<(string Output, string Error)> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        using var limit = new CancellationTokenSource(Patience, _time);
        try
        {
            var number = ++_number;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);

            // The echo goes to standard error after all that the command says there: so both streams have an end.
            foreach (var argument in arguments.Concat(["-echo4", $"{{ready{number}}}", $"-execute{number}"]))
            {
                await _process.StandardInput.WriteLineAsync(argument.AsMemory(), either.Token);
            }

            await _process.StandardInput.FlushAsync(either.Token);
            var output = UntilReadyAsync(_process.StandardOutput, number, either.Token);
            var error = UntilReadyAsync(_process.StandardError, number, either.Token);
            return (await output, await error);
        }
        catch (Exception exception) when (exception is IOException or EndOfStreamException)
        {
            throw new WorkerException(GoogleErrorCatalogue.ExifToolMissing, $"ExifTool ended in the middle of its work: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new WorkerException(GoogleErrorCatalogue.ExifToolMissing, $"ExifTool gave no answer for {Patience.TotalMinutes:0} minutes.", exception);
        }
        finally
        {
            _one.Release();
        }
    }

    private static async Task<string> UntilReadyAsync(StreamReader reader, int number, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await reader.ReadLineAsync(cancellationToken) ?? throw new EndOfStreamException(string.Join(' ', lines));
            if (line == $"{{ready{number}}}")
            {
                return string.Join('\n', lines);
            }

            lines.Add(line);
        }
    }

    /// <summary>Without the path of the temporary file, which tells nobody anything.</summary>
    private static string Clean(string error, string file) =>
        error.Split('\n')[0].Replace("- " + file, "", StringComparison.Ordinal).Replace(file, "the file", StringComparison.Ordinal).Replace("Error: ", "", StringComparison.Ordinal).Trim();

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited)
            {
                await _process.StandardInput.WriteLineAsync("-stay_open\nFalse");
                await _process.StandardInput.FlushAsync();
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
                await _process.WaitForExitAsync(limit.Token);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException)
        {
            if (!_process.HasExited)
            {
                _process.Kill();
            }
        }

        _process.Dispose();
        _one.Dispose();
    }
}
