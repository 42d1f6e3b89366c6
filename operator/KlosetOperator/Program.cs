using KlosetOperator.Hosting;

return await CommandLine.Build(OperatorProgram.RunAsync).Parse(args).InvokeAsync();
